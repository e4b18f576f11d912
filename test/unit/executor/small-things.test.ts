import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEnvironment } from '../../../executor/environment.ts';
import { describeExit } from '../../../executor/exit-message.ts';
import { memoryExcess, memoryLimit } from '../../../executor/memory-limit.ts';
import { commandOf, marked, programOf } from '../../../executor/task-command.ts';
import { TaskUsage } from '../../../executor/task-usage.ts';
import { taskInfo } from '../../support/executor-room.ts';

const variables = {
  MESOS_FRAMEWORK_ID: 'F',
  MESOS_EXECUTOR_ID: 'E',
  MESOS_SLAVE_ID: 'A',
  MESOS_AGENT_ENDPOINT: '127.0.0.1:5051',
  MESOS_DIRECTORY: '/host/sandbox',
  MESOS_SANDBOX: '/mnt/mesos/sandbox',
  MESOS_CHECKPOINT: '1',
  MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
  MESOS_RECOVERY_TIMEOUT: '15mins',
  MESOS_SUBSCRIPTION_BACKOFF_MAX: '1500ms',
};

test('the environment of an executor is read as an agent writes it', () => {
  assert.deepEqual(readEnvironment(variables), {
    frameworkId: 'F',
    executorId: 'E',
    agentId: 'A',
    agentEndpoint: '127.0.0.1:5051',
    sandbox: '/mnt/mesos/sandbox',
    shutdownGrace: 5,
    recovery: { timeout: 900, backoffMax: 1.5 },
    token: undefined,
  });
  assert.equal(readEnvironment({ ...variables, MESOS_CHECKPOINT: '0' }).recovery, undefined);
  assert.equal(readEnvironment({ ...variables, MESOS_SANDBOX: undefined }).sandbox, '/host/sandbox');
});

test('a variable that is missing or no duration is named', () => {
  const code = 'MESITA_EXECUTOR_ENVIRONMENT';
  const missing = { ...variables, MESOS_AGENT_ENDPOINT: '' };
  assert.throws(() => readEnvironment(missing), { code, message: /MESOS_AGENT_ENDPOINT is not set/ });
  const odd = { ...variables, MESOS_RECOVERY_TIMEOUT: 'soon' };
  assert.throws(() => readEnvironment(odd), { code, message: /MESOS_RECOVERY_TIMEOUT=soon/ });
});

test('ends are told in the words of Mesos', () => {
  assert.equal(describeExit({ code: 3, signal: null }), 'Command exited with status 3');
  assert.equal(describeExit({ code: null, signal: 'SIGKILL' }), 'Command terminated with signal Killed');
  assert.equal(describeExit({ code: null, signal: 'SIGABRT' }), 'Command terminated with signal Aborted');
});

test('the memory limit is the limit, else the request; infinite or nothing is none', () => {
  const resources = [{ name: 'mem', type: 'SCALAR' as const, scalar: { value: 64 } }];
  const limit = (value: number) => ({ limits: { mem: { value } } });
  assert.equal(memoryLimit(taskInfo('t', { resources })), 64);
  assert.equal(memoryLimit(taskInfo('t', { resources, ...limit(128) })), 128);
  assert.equal(memoryLimit(taskInfo('t', { resources, ...limit(Number.POSITIVE_INFINITY) })), undefined);
  assert.equal(memoryLimit(taskInfo('t')), undefined);
  const usage = { memoryBytes: 64 * 2 ** 20, peakBytes: 70.04 * 2 ** 20 };
  assert.equal(memoryExcess(64, usage), undefined);
  assert.equal(memoryExcess(undefined, usage), undefined);
  const excess = memoryExcess(63.5, usage);
  assert.match(excess?.message ?? '', /^Memory limit exceeded: limit 63.5 MB, peak 70 MB\./);
});

test('the usage of a task counts processes that have ended, as far as they were seen', () => {
  const usage = new TaskUsage();
  usage.look(
    [
      { pid: 1, cpuSeconds: 1, memoryBytes: 100 },
      { pid: 2, cpuSeconds: 2, memoryBytes: 50 },
    ],
    10,
  );
  assert.deepEqual([usage.cpuSeconds, usage.memoryBytes, usage.peakBytes, usage.processes], [3, 150, 150, 2]);
  usage.look([{ pid: 1, cpuSeconds: 2, memoryBytes: 20 }], 12);
  assert.deepEqual([usage.cpuSeconds, usage.memoryBytes, usage.peakBytes, usage.cores], [4, 20, 150, 0.5]);
  usage.look([], 13);
  assert.deepEqual([usage.cpuSeconds, usage.processes, usage.cores], [4, 0, 0]);
});

test('the data of a task is its command where it has none', () => {
  const data = (text: string) => ({ data: Buffer.from(text).toString('base64') });
  assert.deepEqual(commandOf(taskInfo('t', { command: { value: 'own' }, ...data('x') })), { value: 'own' });
  assert.deepEqual(commandOf(taskInfo('t', data('echo "a"'))), { value: 'echo "a"' });
  assert.deepEqual(commandOf(taskInfo('t', data('{"shell":false,"value":"ls"}'))), { shell: false, value: 'ls' });
  assert.equal(commandOf(taskInfo('t')), undefined);
});

test('a shell puts the mark on, where it can without changing what the program sees', () => {
  const line = programOf({ value: 'echo' });
  assert.equal(marked(line, '7', 'bash').file, '/bin/sh');
  const named = programOf({ shell: false, value: 'prog', arguments: ['other name', 'x'] });
  assert.equal(marked(named, '7', 'bash').file, '/bin/bash');
  assert.deepEqual(marked(named, '7', 'sh'), { file: 'prog', name: 'other name', args: ['x'] });
  const same = programOf({ shell: false, value: 'prog', arguments: ['prog', 'x'] });
  assert.deepEqual(marked(same, '7', 'sh').args.slice(2), ['7', 'prog', 'x']);
});
