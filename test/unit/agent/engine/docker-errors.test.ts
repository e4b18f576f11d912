import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pickApiVersion } from '../../../../agent/engine/docker-connection.ts';
import { engineError } from '../../../../agent/engine/docker-errors.ts';
import { parseEvent, timeParameter } from '../../../../agent/engine/docker-events.ts';
import { splitReference } from '../../../../agent/engine/docker-pull.ts';
import { PullProgress } from '../../../../agent/engine/docker-pull-progress.ts';
import { containerUsage } from '../../../../agent/engine/docker-usage.ts';

test("the engine's words become codes, and stay in the message", () => {
  const cases: [number, string, string][] = [
    [500, 'driver failed: Bind for 0.0.0.0:80 failed: port is already allocated', 'MESITA_PORT_IN_USE'],
    [404, 'No such image: nowhere:1', 'MESITA_IMAGE_UNAVAILABLE'],
    [500, 'write /var/lib/x: no space left on device', 'MESITA_DISK_FULL'],
    [400, 'OCI runtime create failed: exec: "x": executable file not found in $PATH', 'MESITA_CONTAINER_INVALID'],
    [400, 'invalid mount config for type "bind": bind source path does not exist: /x', 'MESITA_CONTAINER_INVALID'],
    [404, 'network nope not found', 'MESITA_CONTAINER_INVALID'],
    [409, 'Conflict. The container name "/a" is already in use by container "b".', 'MESITA_CONTAINER_INVALID'],
    [400, 'something else that makes no sense', 'MESITA_CONTAINER_INVALID'],
    [500, 'something else went wrong', 'MESITA_ENGINE_FAILED'],
  ];
  for (const [statusCode, message, code] of cases) {
    const error = engineError({ statusCode, json: { message } }, 'do it', '/s');
    assert.equal(error.code, code, message);
    assert.ok(error.message.includes(message));
    assert.notEqual(error.remedy, '');
  }
});

test('an error of the connection names the socket', () => {
  const error = engineError(Object.assign(new Error('connect ENOENT'), { code: 'ENOENT' }), 'connect', '/the/socket');
  assert.equal(error.code, 'MESITA_ENGINE_UNREACHABLE');
  assert.match(error.message, /\/the\/socket/);
  const denied = engineError(Object.assign(new Error('connect EACCES'), { code: 'EACCES' }), 'connect', '/the/socket');
  assert.match(denied.remedy, /group/);
});

test('the API version is one that both sides know', () => {
  assert.equal(pickApiVersion('1.41', '1.12'), '1.41');
  assert.equal(pickApiVersion('1.99', '1.44'), '1.51');
  assert.equal(pickApiVersion('1.99', '1.60'), '1.60');
  assert.equal(pickApiVersion('1.9', undefined), '1.9');
  assert.equal(pickApiVersion(undefined, undefined), undefined);
});

test('references are split into name and tag or digest', () => {
  assert.deepEqual(splitReference('debian'), { fromImage: 'debian', tag: 'latest' });
  assert.deepEqual(splitReference('host:5000/a/b'), { fromImage: 'host:5000/a/b', tag: 'latest' });
  assert.deepEqual(splitReference('host:5000/a/b:1'), { fromImage: 'host:5000/a/b', tag: '1' });
  assert.deepEqual(splitReference('a:1@sha256:ff'), { fromImage: 'a', tag: 'sha256:ff' });
});

test('progress is summed up over the layers', () => {
  const progress = new PullProgress('debian:12');
  assert.equal(progress.sentence(), 'Pulling debian:12');
  progress.note({ status: 'Pulling from library/debian', id: '12' });
  progress.note({ status: 'Already exists', id: 'a' });
  progress.note({ status: 'Downloading', id: 'b', progressDetail: { current: 5_200_000, total: 80_100_000 } });
  progress.note({ status: 'Downloading', id: 'c', progressDetail: { current: 1, total: 1_000_000 } });
  progress.note({ status: 'Download complete', id: 'c' });
  assert.equal(progress.sentence(), 'Pulling debian:12: 1 of 3 layers, 6.2 of 81.1 MB');
  progress.note({ status: 'Pull complete', id: 'c' });
  assert.equal(progress.sentence(), 'Pulling debian:12: 2 of 3 layers, 6.2 of 81.1 MB');
});

test('lines that are no events are passed over', () => {
  for (const line of ['', '{', '{}', '{"Action":"die"}', 'null']) assert.equal(parseEvent(line), undefined);
  const event = { Action: 'die', Actor: { ID: 'x', Attributes: { exitCode: '1' } }, timeNano: 5 };
  assert.deepEqual(parseEvent(JSON.stringify(event)), {
    action: 'die',
    id: 'x',
    attributes: { exitCode: '1' },
    time: 5,
  });
});

test('times are written in full', () => {
  assert.equal(timeParameter(1_700_000_000_000_000_000), '1699999999.999999000');
  assert.equal(timeParameter(0), '0.000000000');
});

test('usage leaves the page cache out, on both kinds of cgroup', () => {
  const cpu_stats = { cpu_usage: { usage_in_usermode: 2e9, usage_in_kernelmode: 1e9 } };
  const megabyte = 2 ** 20;
  const usage = containerUsage({
    cpu_stats,
    memory_stats: { usage: 10 * megabyte, max_usage: 12 * megabyte, stats: { total_inactive_file: 4 * megabyte } },
    pids_stats: { current: 3 },
  });
  assert.deepEqual(usage, { cpuUserSeconds: 2, cpuSystemSeconds: 1, mem: 6, memPeak: 12, pids: 3 });
  const v2 = containerUsage({
    cpu_stats,
    memory_stats: { usage: 10 * megabyte, stats: { inactive_file: megabyte } },
  });
  assert.deepEqual(v2, { cpuUserSeconds: 2, cpuSystemSeconds: 1, mem: 9 });
  assert.equal(containerUsage({ memory_stats: {} }), undefined);
});
