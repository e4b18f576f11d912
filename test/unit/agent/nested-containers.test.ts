import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { operatorRoute } from '../../../agent/http/operator-route.ts';
import type { ContainerRunner } from '../../../agent/nested/container-runner.ts';
import { NestedContainers } from '../../../agent/nested/nested-containers.ts';
import type { AgentProcessIO, ContainerID } from '../../../protocol/messages.ts';
import { encodeRecord } from '../../../protocol/record-io.ts';
import { createHttpServer } from '../../../runtime/http-server.ts';
import { silentLog } from '../../../runtime/log.ts';
import { AgentRoom, dockerTask } from '../../support/agent-room.ts';
import { eventually } from '../../support/eventually.ts';
import type { FakeSession } from '../../support/fake-engine.ts';
import { resourcesOf } from '../../support/master-messages.ts';
import { OperatorClient, stdin } from '../../support/operator-client.ts';

const json = 'application/json';
const io = 'application/recordio';

/** What commands do: `exit 3` ends so, `say x` says so, and `echo` repeats its input in capitals until that ends. */
const shell: FakeSession = async ({ command, sinks, input }) => {
  const words = command.at(-1) ?? '';
  for (const [, word = ''] of words.matchAll(/say (\w+)/g)) sinks.stdout.write(`${word}\n`);
  if (words.includes('err')) sinks.stderr.write('err');
  if (words === 'echo') for await (const chunk of input) sinks.stdout.write(String(chunk).toUpperCase());
  const exit = /exit (\d+)/.exec(words)?.[1];
  return exit === undefined && words !== 'echo' ? new Promise(() => {}) : Number(exit ?? 0);
};

describe('nested containers', () => {
  let room: AgentRoom;
  let runner: ContainerRunner;
  let stopRunner: () => Promise<void>;
  let server: FastifyInstance;
  let client: OperatorClient;
  let parent: ContainerID;

  beforeEach(async () => {
    room = await AgentRoom.open({ session: shell });
    runner = room.runner();
    stopRunner = runner.start();
    server = createHttpServer({ log: silentLog, actor: 'slave(1)', bodyLimit: 1e6 });
    const none = { problem: { kind: 'missing' } } as const;
    const info = { hostname: 'localhost', port: 5051 };
    const address = { hostname: 'localhost', ip: '127.0.0.1', port: 5051 };
    const identity = { id: 'S', registered: true, info, address, startedAt: 0, master: 'm:1', flags: {} };
    operatorRoute(
      server,
      {
        state: room.state,
        nested: new NestedContainers(room.state, room.engine, {
          ends: room.ends,
          workDirectory: room.directory,
          runner: () => runner,
        }),
        identity: () => identity,
        statistics: { measure: async () => [] },
        metrics: () => ({}),
        files: { list: async () => none, read: async () => none },
        loggingLevel: { level: 0, set: () => undefined },
      },
      room.clock,
    );
    client = new OperatorClient(new URL(await server.listen({ host: '127.0.0.1', port: 0 })).host);
    room.run(dockerTask('t'));
    await room.running('t');
    parent = { value: room.task('t').containerId };
  });
  afterEach(async () => {
    await client.close();
    await server.close();
    await stopRunner();
    await room.close();
  });

  const send: OperatorClient['send'] = (...parameters) => client.send(...parameters);
  const call = (type: string, content: object) => client.call(type, content);
  const launch = (value: string, command: string) =>
    call('LAUNCH_NESTED_CONTAINER', { container_id: { value, parent }, command: { value: command } });
  const wait = (value: string) => call('WAIT_NESTED_CONTAINER', { container_id: { value, parent } });

  const open = (type: string, content: object) => client.open(type, content);
  const session = (value: string, command: string, more: object = {}) =>
    open('LAUNCH_NESTED_CONTAINER_SESSION', {
      container_id: { value, parent },
      command: { value: command },
      ...more,
    });

  const attachInput = (value: string, ...messages: AgentProcessIO[]) =>
    client.attachInput({ value, parent }, ...messages);

  test('a session streams what its command writes and ends with it; WAIT tells how, as wait(2)', async () => {
    const { statusCode, headers, ended, text } = await session('s', 'say hello err exit 3');
    await ended;
    assert.equal(statusCode, 200);
    assert.equal(headers['content-type'], 'application/recordio');
    assert.equal(headers['message-content-type'], json);
    assert.deepEqual([text('STDOUT'), text('STDERR')], ['hello\n', 'err']);
    const answer = { type: 'WAIT_NESTED_CONTAINER', wait_nested_container: { exit_status: 768 } };
    assert.deepEqual(await wait('s'), [200, JSON.stringify(answer)]);
    assert.deepEqual(await wait('s'), [200, JSON.stringify(answer)]);
  });

  test('the output of a session has the recorded form, whatever is accepted', async () => {
    const protobuf = 'application/x-protobuf';
    const forms: [Record<string, string>, string | undefined, string | undefined, string][] = [
      [{ accept: json }, json, undefined, '58\n{"type":"DATA","data":{"type":"STDOUT","data":"b3V0Mgo="}}'],
      [{}, json, undefined, '58\n{"type":"DATA","data":{"type":"STDOUT","data":"b3V0Mgo="}}'],
      [{ accept: io }, io, json, '58\n{"type":"DATA","data":{"type":"STDOUT","data":"b3V0Mgo="}}'],
      [{ accept: io, 'message-accept': protobuf }, io, protobuf, '13\n\b\x01\x12\t\b\x02\x12\x05out2\n'],
    ];
    for (const [index, [headers, type, messageType, expected]] of forms.entries()) {
      const container_id = { value: `s${index}`, parent };
      const content = { container_id, command: { value: 'say out2 exit 0' } };
      const call = { type: 'LAUNCH_NESTED_CONTAINER_SESSION', launch_nested_container_session: content };
      const answer = await send(call, { 'content-type': json, ...headers });
      assert.equal(answer.headers['content-type'], type);
      assert.equal(answer.headers['message-content-type'], messageType);
      assert.equal(await answer.body.text(), expected);
    }
  });

  test('a session is killed when its connection closes', async () => {
    const { close } = await session('s', 'say hello');
    const waiting = wait('s');
    close();
    const [, text] = await waiting;
    assert.match(text, /"exit_status":9}/);
    assert.deepEqual(room.engine.calls.slice(-1), ['signal session SIGKILL']);
  });

  test('a session without output beats every 30 seconds', async () => {
    const { messages, close } = await session('s', 'err');
    await eventually('stderr', () => messages.length > 0 || undefined);
    room.clock.advance(30_000);
    const beat = { type: 'HEARTBEAT', heartbeat: { interval: { nanoseconds: 30_000_000_000 } } };
    await eventually('the heartbeat', () => messages.length > 1 || undefined);
    assert.deepEqual(messages[1], { type: 'CONTROL', control: beat });
    close();
  });

  test('input, sizes and the end of input reach the command', async () => {
    const terminal = { type: 'MESOS', tty_info: { window_size: { rows: 24, columns: 80 } } };
    const { ended, text } = await session('s', 'echo', {});
    const size = { type: 'TTY_INFO', tty_info: { window_size: { rows: 40, columns: 100 } } } as const;
    const first = await attachInput('s', stdin('hello '), { type: 'CONTROL', control: size });
    assert.deepEqual([first.statusCode, first.headers['content-length']], [200, '0']);
    await first.body.dump();
    const second = await attachInput('s', stdin('world'), stdin(''));
    assert.equal(second.statusCode, 200);
    await second.body.dump();
    await ended;
    assert.equal(text('STDOUT'), 'HELLO WORLD');
    assert.ok(room.engine.calls.includes(`resize ${room.task('t').containerName} 40x100`));
    const onTerminal = await session('t', 'wait', { container: terminal });
    await (await attachInput('t', stdin(''))).body.dump();
    onTerminal.close();
  });

  test('others may listen too, and are answered when the container is over', async () => {
    assert.deepEqual(await launch('n', 'echo'), [200, '']);
    const listening = await open('ATTACH_CONTAINER_OUTPUT', { container_id: { value: 'n', parent } });
    await (await attachInput('n', stdin('a'), stdin(''))).body.dump();
    await listening.ended;
    assert.equal(listening.text('STDOUT'), 'A');
    const gone = await open('ATTACH_CONTAINER_OUTPUT', { container_id: { value: 'n', parent } });
    assert.equal(gone.statusCode, 404);
  });

  test('a nested container is launched once, shown, killed, waited for and removed', async () => {
    const id = { container_id: { value: 'n', parent } };
    assert.deepEqual(await launch('n', 'wait'), [200, '']);
    assert.deepEqual(await launch('n', 'other'), [202, '']);
    const [, shown] = await call('GET_CONTAINERS', { show_nested: true });
    assert.deepEqual(JSON.parse(shown).get_containers.containers, [
      { container_id: { value: 'n' }, container_status: { container_id: id.container_id } },
    ]);
    assert.deepEqual(await call('REMOVE_NESTED_CONTAINER', id), [500, 'Nested container has not terminated yet']);
    const waiting = wait('n');
    assert.deepEqual(await call('KILL_NESTED_CONTAINER', { ...id, signal: 15 }), [200, '']);
    assert.match((await waiting)[1], /"exit_status":15}/);
    const text = `Container '${parent.value}.n' cannot be found (or is already killed)`;
    assert.deepEqual(await call('KILL_NESTED_CONTAINER', id), [404, text]);
    assert.deepEqual(await call('REMOVE_NESTED_CONTAINER', id), [200, '']);
    assert.deepEqual(await call('REMOVE_CONTAINER', id), [200, '']);
    assert.equal((await call('WAIT_CONTAINER', id))[0], 404);
  });

  test('it ends with the container that it is in', async () => {
    await launch('n', 'wait');
    const waiting = wait('n');
    room.engine.exit(room.task('t').containerName, 0);
    assert.match((await waiting)[1], new RegExp(`"exit_status":${137 << 8}}`));
  });

  test('what a container of its own would need is refused', async () => {
    const container_id = { value: 'n', parent };
    const command = { value: 'true' };
    for (const container of [{ type: 'DOCKER', docker: { image: 'x' } }]) {
      const answer = await call('LAUNCH_NESTED_CONTAINER', { container_id, command, container });
      assert.deepEqual(answer, [400, 'The provided ContainerInfo is not supported']);
    }
  });

  test('the container of a task hands out what it writes from now on, and ends as it is told', async () => {
    const name = room.task('t').containerName;
    room.engine.write(name, 'stdout', 'before');
    const listening = await open('ATTACH_CONTAINER_OUTPUT', { container_id: parent });
    assert.equal(listening.statusCode, 200);
    room.engine.write(name, 'stdout', 'after');
    room.engine.write(name, 'stderr', 'wards');
    await eventually('the output', () => (listening.text('STDERR') === '' ? undefined : true));
    assert.deepEqual([listening.text('STDOUT'), listening.text('STDERR')], ['after', 'wards']);
    const waiting = client.wait(parent);
    assert.deepEqual(await call('KILL_CONTAINER', { container_id: parent, signal: 15 }), [200, '']);
    assert.equal(await waiting, 15);
    await listening.ended;
    const text = `Container '${parent.value}' cannot be found (or is already killed)`;
    assert.deepEqual(await call('KILL_CONTAINER', { container_id: parent }), [404, text]);
    assert.equal((await call('WAIT_CONTAINER', { container_id: parent }))[0], 404);
  });

  test('a container of a task without a terminal has no input, and is not to be removed', async () => {
    const answer = await client.attachInput(parent, stdin('x'));
    assert.equal(answer.statusCode, 500);
    assert.equal(await answer.body.text(), 'I/O switchboard server was disabled for this container');
    const removal = await call('REMOVE_CONTAINER', { container_id: parent });
    assert.deepEqual(removal, [500, 'Nested container has not terminated yet']);
  });

  test('a task with a terminal is written to, and told the size of it', async () => {
    const tty_info = { window_size: { rows: 24, columns: 80 } };
    room.run(dockerTask('tty', { container: { type: 'DOCKER', docker: { image: 'fake:1' }, tty_info } }));
    const name = await room.running('tty');
    assert.deepEqual(room.engine.container(name)?.spec.terminal, { rows: 24, columns: 80 });
    const size = { type: 'TTY_INFO', tty_info: { window_size: { rows: 40, columns: 100 } } } as const;
    const id = { value: room.task('tty').containerId };
    const answer = await client.attachInput(id, stdin('hello'), { type: 'CONTROL', control: size }, stdin(''));
    assert.equal(answer.statusCode, 200);
    await answer.body.dump();
    const told = room.engine.calls.filter((each) => /^(input|resize)/.test(each));
    assert.deepEqual(told, [`input ${name} hello`, `resize ${name} 40x100`, `input ${name} \x04`]);
  });

  test('a standalone container runs by itself, in a sandbox of its own, and is gone when it is over', async () => {
    const container_id = { value: 'alone' };
    const call1 = { container_id, command: { value: 'true' }, resources: resourcesOf('cpus:0.5;mem:64') };
    assert.deepEqual(await call('LAUNCH_CONTAINER', call1), [200, '']);
    assert.deepEqual(await call('LAUNCH_CONTAINER', call1), [202, '']);
    const name = room.engine.calls.findLast((each) => each.startsWith('start '))?.slice('start '.length) ?? '';
    const spec = room.engine.container(name)?.spec;
    assert.deepEqual([spec?.image, spec?.cpuLimit, spec?.memoryLimit], ['default:1', 0.5, 64]);
    assert.deepEqual(spec?.mounts[0], {
      kind: 'bind',
      hostPath: `${room.directory}/containers/alone`,
      containerPath: '/mnt/mesos/sandbox',
      readOnly: false,
    });
    const [, shown] = await call('GET_CONTAINERS', { show_standalone: true });
    assert.deepEqual(JSON.parse(shown).get_containers.containers, [
      { container_id, container_status: { container_id } },
    ]);
    assert.deepEqual(await call('GET_CONTAINERS', { show_nested: true }), [200, '{"type":"GET_CONTAINERS"}']);
    const waiting = client.wait(container_id);
    room.engine.exit(name, 2);
    assert.equal(await waiting, 512);
    const gone = [500, 'Root container alone not found'];
    assert.deepEqual(await call('REMOVE_CONTAINER', { container_id }), gone);
    assert.equal((await call('WAIT_CONTAINER', { container_id }))[0], 404);
    await eventually('it is removed', () => room.engine.container(name) === undefined || undefined);
  });

  test('a standalone container that cannot be launched leaves nothing', async () => {
    const container = { type: 'MESOS', mesos: { image: { type: 'APPC', appc: { name: 'x' } } } };
    const wanted = { container_id: { value: 'alone' }, command: { value: 'true' }, container };
    const [status, text] = await call('LAUNCH_CONTAINER', wanted);
    assert.deepEqual([status, /Unsupported container image type: APPC/.test(text)], [400, true]);
    assert.equal((await call('KILL_CONTAINER', { container_id: { value: 'alone' } }))[0], 404);
    assert.deepEqual(await call('LAUNCH_CONTAINER', { ...wanted, container: undefined }), [200, '']);
    assert.deepEqual(await call('KILL_CONTAINER', { container_id: { value: 'alone' } }), [200, '']);
  });

  test('a nested container with an image has its parent’s network and a sandbox in that of its parent', async () => {
    const container = { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'fake:1' } } } };
    room.run(dockerTask('net', { container: { type: 'DOCKER', docker: { image: 'fake:1', network: 'NONE' } } }));
    const parentName = await room.running('net');
    const { containerId, sandbox } = room.task('net');
    const container_id = { value: 'n', parent: { value: containerId } };
    const wanted = { container_id, command: { value: 'true' }, container };
    assert.deepEqual(await call('LAUNCH_NESTED_CONTAINER', wanted), [200, '']);
    const name = room.engine.calls.findLast((each) => each.startsWith('start '))?.slice('start '.length) ?? '';
    const spec = room.engine.container(name)?.spec;
    assert.deepEqual(spec?.network, { mode: 'container', name: parentName });
    assert.equal(spec?.labels['org.mesita.parent'], containerId);
    assert.deepEqual(
      spec?.mounts.map((mount) => mount.kind === 'bind' && mount.hostPath),
      [`${sandbox}/containers/n`],
    );
    const waiting = client.wait(container_id);
    room.engine.exit(parentName, 0);
    assert.equal(await waiting, 9);
    assert.equal(await client.wait(container_id), 9);
  });

  test('one connection at a time has the input', async () => {
    await launch('n', 'wait');
    const held = new AbortController();
    const first = encodeRecord(
      JSON.stringify({
        type: 'ATTACH_CONTAINER_INPUT',
        attach_container_input: { type: 'CONTAINER_ID', container_id: { value: 'n', parent } },
      }),
    );
    const body = (async function* () {
      yield first;
      await pause(60_000, undefined, { signal: held.signal }).catch(() => undefined);
    })();
    const headers = { 'content-type': 'application/recordio', 'message-content-type': json };
    const holding = send(body, headers);
    let status = 200;
    while (status === 200) {
      const answer = await attachInput('n');
      await answer.body.dump();
      status = answer.statusCode;
    }
    assert.equal(status, 409);
    held.abort();
    assert.equal((await holding).statusCode, 200);
  });
});
