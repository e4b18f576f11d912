import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DockerEngine } from '../../agent/engine/docker-engine.ts';
import type { EngineEvent } from '../../agent/engine/engine.ts';
import { MesitaError } from '../../protocol/errors.ts';
import { BreakableProxy } from '../support/breakable-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { ensureTestImage } from '../support/test-image.ts';
import { type BreakHooks, type Capability, type EngineHarness, engineContract } from './engine-contract.ts';

const run = promisify(execFile);
const socketPath = process.env.MESITA_DOCKER_SOCKET ?? '/var/run/docker.sock';
const capabilities: ReadonlySet<Capability> = new Set([
  'sessions',
  'kernel',
  'isolation',
  'images',
  'network',
  'foreign',
  'connection',
]);

async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args)).stdout.trim();
}

async function open(): Promise<EngineHarness & BreakHooks> {
  const image = await ensureTestImage();
  const proxy = await BreakableProxy.open(socketPath);
  const directory = await mkdtemp(join(tmpdir(), 'mesita-test-break-'));
  return {
    capabilities,
    image,
    unknownImage: 'mesita-test/nowhere:1',
    engine: (scope) => new DockerEngine({ address: { socketPath: proxy.socketPath }, scope }),
    breakConnections: async () => proxy.break(),
    restoreConnections: async () => proxy.restore(),
    endsAfterBreak: async () => ({
      command: ['while [ ! -e /signals/end ]; do sleep 0.1; done; exit 6'],
      mounts: [{ kind: 'bind', hostPath: directory, containerPath: '/signals', readOnly: true }],
    }),
    endDuringBreak: async (name) => {
      await writeFile(join(directory, 'end'), '');
      await docker('wait', name);
    },
    foreignContainer: async () => {
      const name = `mesita-test-foreign-${randomUUID().slice(0, 8)}`;
      await docker('run', '--detach', '--network=none', '--name', name, image, 'sleep', '1000');
      return {
        name,
        remove: async () => {
          const running = await docker('inspect', '--format={{.State.Running}}', name);
          await docker('rm', '--force', name);
          return running === 'true';
        },
      };
    },
    userNetwork: async () => {
      const name = `mesita-test-net-${randomUUID().slice(0, 8)}`;
      await docker('network', 'create', name);
      return { name, remove: async () => void (await docker('network', 'rm', name)) };
    },
    close: async () => {
      await proxy.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

engineContract('Docker engine', open, capabilities);

const scope = { 'mesita.test.scope': 'none' };

test('an engine that is not there is unreachable, and the message names its socket', async () => {
  const engine = new DockerEngine({ address: { socketPath: '/nowhere/docker.sock' }, scope });
  await assert.rejects(engine.connect(new AbortController().signal), (error: unknown) => {
    assert.ok(error instanceof MesitaError);
    assert.equal(error.code, 'MESITA_ENGINE_UNREACHABLE');
    assert.match(error.message, /\/nowhere\/docker\.sock/);
    return true;
  });
  await engine.close();
});

test('an idle engine object holds one connection and asks nothing', async () => {
  const proxy = await BreakableProxy.open(socketPath);
  const engine = new DockerEngine({ address: { socketPath: proxy.socketPath }, scope });
  try {
    await engine.connect(new AbortController().signal);
    await engine.list();
    const before = proxy.connections;
    await sleep(1500);
    assert.ok(before <= 2, `${before} connections`);
    assert.equal(proxy.connections, before);
  } finally {
    await engine.close();
    await proxy.close();
  }
});

test('exits of a container are reported though it was removed while the connection was broken', async () => {
  const image = await ensureTestImage();
  const proxy = await BreakableProxy.open(socketPath);
  const engine = new DockerEngine({
    address: { socketPath: proxy.socketPath },
    scope: { 'mesita.test.scope': randomUUID() },
  });
  const name = `mesita-test-${randomUUID().slice(0, 8)}`;
  try {
    const exited = new Promise((resolve) => {
      engine.onEvent((event) => {
        if (event.kind === 'exited') resolve(event);
      });
    });
    await engine.connect(new AbortController().signal);
    await engine.create({
      name,
      image,
      labels: {},
      command: ['sh', '-c', 'trap "exit 7" TERM; while :; do sleep 1 & wait; done'],
      environment: {},
      cpuShares: 0.1,
      pidsLimit: 50,
      network: { mode: 'none' },
      mounts: [],
      privileged: false,
      parameters: [{ key: 'init', value: 'false' }],
    });
    await engine.start(name);
    await sleep(300);
    proxy.break();
    await docker('stop', name);
    await docker('rm', name);
    proxy.restore();
    assert.deepEqual(await exited, { kind: 'exited', name, exitCode: 7, outOfMemory: false });
  } finally {
    await docker('rm', '--force', name).catch(() => {});
    await engine.close();
    await proxy.close();
  }
});

test('a start whose answer is lost counts when the container was started, and fails when it was not', async () => {
  const image = await ensureTestImage();
  const proxy = await BreakableProxy.open(socketPath);
  const own = { 'mesita.test.scope': randomUUID() };
  const engine = new DockerEngine({ address: { socketPath: proxy.socketPath }, scope: own });
  const [good, bad] = ['sh', '/nowhere'].map((program) => ({
    ...{ name: `mesita-test-${randomUUID().slice(0, 8)}`, image, labels: {}, command: [program, '-c', 'exit 7'] },
    ...{ environment: {}, cpuShares: 0.1, pidsLimit: 50, network: { mode: 'none' } as const, mounts: [] },
    ...{ privileged: false, parameters: [] },
  }));
  assert.ok(good !== undefined && bad !== undefined);
  const exits: EngineEvent[] = [];
  engine.onEvent((event) => void (event.kind === 'exited' && exits.push(event)));
  try {
    await engine.connect(new AbortController().signal);
    for (const spec of [good, bad]) await engine.create(spec);
    proxy.loseAnswer(/^POST \S+\/start/);
    await engine.start(good.name);
    await eventually('its exit is reported', () => exits.length > 0);
    assert.deepEqual(exits, [{ kind: 'exited', name: good.name, exitCode: 7, outOfMemory: false }]);
    proxy.loseAnswer(/^POST \S+\/start/);
    await assert.rejects(engine.start(bad.name), { code: 'MESITA_ENGINE_UNREACHABLE' });
  } finally {
    for (const { name } of await engine.list()) await engine.remove(name);
    await engine.close();
    await proxy.close();
  }
});
