import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type CheckedContainer, containerProbe } from '../../../../agent/checks/container-probe.ts';
import type { ContainerAddress, ExecOptions, ExecResult } from '../../../../agent/engine/engine.ts';
import { Gate } from '../../../../agent/gate.ts';
import { MesitaError } from '../../../../protocol/errors.ts';
import type { CommandInfo } from '../../../../protocol/messages.ts';
import type { CheckTarget } from '../../../../runtime/checks/check-plan.ts';
import { settle } from '../../../support/virtual-clock.ts';

const never = new AbortController().signal;
const nothing = () => undefined;
const container: CheckedContainer = { name: 'c', networkOf: 'n', onHost: true, argumentsAfterValue: false };

interface Scripted {
  exec?: (command: readonly string[], options: ExecOptions) => ExecResult | undefined | Promise<ExecResult>;
  addresses?: ContainerAddress[];
}

/** An engine that answers as the test says, and remembers where commands ran. */
function engineOf({ exec, addresses }: Scripted) {
  const asked: string[] = [];
  return {
    asked,
    exec: async (name: string, command: readonly string[], options: ExecOptions) => {
      asked.push(`exec ${name}`);
      if (exec === undefined) throw new Error('the test says nothing of commands');
      return exec(command, options);
    },
    addresses: async (name: string) => {
      asked.push(`addresses ${name}`);
      return addresses ?? [];
    },
  };
}

const probing = (target: CheckTarget, engine: ReturnType<typeof engineOf>, change: Partial<CheckedContainer> = {}) =>
  containerProbe(target, { ...container, ...change }, { engine, gate: new Gate(1) });

async function serving(t: TestContext): Promise<{ port: number; server: Server }> {
  const server = createServer((_request, reply) => reply.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, server };
}

const closed = (server: Server) => new Promise((resolve) => server.close(resolve));
const tcp = (port: number) => ({ type: 'TCP', family: 4, port }) as const;
const http = (port: number) => ({ type: 'HTTP', scheme: 'http', family: 4, port, path: '/' }) as const;

describe('a COMMAND check', () => {
  const words = async (command: CommandInfo, change: Partial<CheckedContainer> = {}) => {
    let seen: unknown;
    const engine = engineOf({
      exec: (given, { environment }) => {
        seen = { words: given, environment };
        return { exitCode: 3, output: 'said' };
      },
    });
    const result = await probing({ type: 'COMMAND', command }, engine, change).attempt(never, nothing);
    assert.deepEqual(result, { type: 'COMMAND', exitCode: 3, output: 'said' });
    assert.deepEqual(engine.asked, ['exec c']);
    return seen;
  };

  test('runs in the container, by its shell and with its own variables', async () => {
    const environment = { variables: [{ name: 'A', value: 'b' }] };
    assert.deepEqual(await words({ value: 'test -e x', environment }), {
      words: ['/bin/sh', '-c', 'test -e x'],
      environment: { A: 'b' },
    });
  });

  test('without a shell takes its arguments as a task of its kind does', async () => {
    const command = { shell: false, value: '/bin/check', arguments: ['check', '-v'] };
    assert.deepEqual(await words(command), { words: ['/bin/check', '-v'], environment: {} });
    const docker = await words(command, { argumentsAfterValue: true });
    assert.deepEqual(docker, { words: ['/bin/check', 'check', '-v'], environment: {} });
  });

  test('is skipped when the container has ended or the engine is away, and fails for any other reason', async () => {
    const target: CheckTarget = { type: 'COMMAND', command: { value: 'true' } };
    const attempt = (exec: NonNullable<Scripted['exec']>) =>
      probing(target, engineOf({ exec })).attempt(never, nothing);
    assert.equal((await attempt(() => undefined)).type, 'SKIPPED');
    const away = () => Promise.reject(new MesitaError('MESITA_ENGINE_UNREACHABLE', { message: 'gone' }));
    assert.equal((await attempt(away)).type, 'SKIPPED');
    const broken = () => Promise.reject(new MesitaError('MESITA_ENGINE_FAILED', { message: 'broken' }));
    await assert.rejects(attempt(broken), /broken/);
  });

  test('lets the next one begin when its command runs, not when that has ended', async () => {
    const gate = new Gate(1);
    const engine = engineOf({
      exec: (_command, { started }) => {
        started?.();
        return new Promise<ExecResult>(() => undefined);
      },
    });
    const probe = containerProbe({ type: 'COMMAND', command: { value: 'sleep 1000' } }, container, { engine, gate });
    const first = await probe.turn?.();
    let entered = 0;
    probe.turn?.().then(() => entered++, nothing);
    await settle();
    assert.equal(entered, 0);
    probe.attempt(never, first ?? nothing).catch(nothing);
    await settle();
    assert.equal(entered, 1);
  });
});

describe('an HTTP or TCP check', () => {
  test('on the host’s network is made from here, by the loopback', async (t) => {
    const { port } = await serving(t);
    const engine = engineOf({});
    assert.deepEqual(await probing(http(port), engine).attempt(never, nothing), { type: 'HTTP', statusCode: 200 });
    assert.deepEqual(await probing(tcp(port), engine).attempt(never, nothing), { type: 'TCP', succeeded: true });
    assert.deepEqual(engine.asked, []);
  });

  test('on a network of its own is made by the address of the container that has it', async (t) => {
    const { port } = await serving(t);
    const engine = engineOf({ addresses: [{ network: 'bridge', protocol: 'IPv4', address: '127.0.0.1' }] });
    const probe = probing(http(port), engine, { onHost: false });
    assert.deepEqual(await probe.attempt(never, nothing), { type: 'HTTP', statusCode: 200 });
    assert.deepEqual(engine.asked, ['addresses n']);
  });

  test('is made from within where it is not reached from here, and then always', async (t) => {
    const { port, server } = await serving(t);
    await closed(server);
    const engine = engineOf({ exec: () => ({ exitCode: 0, output: '404' }) });
    const probe = probing(http(port), engine, { onHost: false });
    for (let attempt = 0; attempt < 2; attempt++)
      assert.deepEqual(await probe.attempt(never, nothing), { type: 'HTTP', statusCode: 404 });
    assert.deepEqual(engine.asked, ['addresses n', 'exec c', 'exec c']);
  });

  test('fails where nobody answers, and is not tried from within again where the image has no means', async (t) => {
    const { port, server } = await serving(t);
    await closed(server);
    const engine = engineOf({ exec: () => ({ exitCode: 125, output: '' }) });
    const [overHttp, overTcp] = [probing(http(port), engine), probing(tcp(port), engine)];
    for (let attempt = 0; attempt < 2; attempt++) {
      assert.equal((await overHttp.attempt(never, nothing)).type, 'FAILED');
      assert.deepEqual(await overTcp.attempt(never, nothing), { type: 'TCP', succeeded: false });
    }
    assert.deepEqual(engine.asked, ['exec c', 'exec c']);
  });

  test('goes on from here after both ways have failed', async (t) => {
    const { port, server } = await serving(t);
    await closed(server);
    const engine = engineOf({ exec: () => ({ exitCode: 1, output: '' }) });
    const probe = probing(tcp(port), engine);
    assert.deepEqual(await probe.attempt(never, nothing), { type: 'TCP', succeeded: false });
    const again = createServer();
    await new Promise<void>((resolve) => again.listen(port, '127.0.0.1', resolve));
    t.after(() => again.close());
    assert.deepEqual(await probe.attempt(never, nothing), { type: 'TCP', succeeded: true });
  });
});
