import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ContainerLogs } from '../../agent/container-logs.ts';
import { DockerEngine } from '../../agent/engine/docker-engine.ts';
import { endedByEngine } from '../../agent/engine/docker-exits.ts';
import type { EngineEvent } from '../../agent/engine/engine.ts';
import type { TaskRecord } from '../../agent/state.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { eventually } from '../support/eventually.ts';
import { ensureTestImage } from '../support/test-image.ts';

const run = promisify(execFile);
const program = '/usr/sbin/dockerd';
const why = process.getuid?.() !== 0 ? 'only root may start an engine' : `there is no ${program}`;
const skip = process.getuid?.() === 0 && existsSync(program) ? false : why;
const timeout = 180_000;

/** An engine of the test's own, which it may kill. */
class OwnEngine {
  readonly directory: string;
  readonly socketPath: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    this.socketPath = join(directory, 'sock');
  }

  static async start(...flags: string[]): Promise<OwnEngine> {
    // Short, since sockets are named by it.
    const engine = new OwnEngine(await mkdtemp('/tmp/mesita-test-dockerd-'));
    await engine.start(...flags);
    const image = await ensureTestImage();
    const archive = join(engine.directory, 'image.tar');
    await run('docker', ['save', '--output', archive, image]);
    await engine.docker('load', '--input', archive);
    return engine;
  }

  async start(...flags: string[]): Promise<void> {
    const within = (name: string) => join(this.directory, name);
    const places = [`--data-root=${within('data')}`, `--exec-root=${within('exec')}`, `--pidfile=${within('pid')}`];
    const alone = ['--bridge=none', '--iptables=false', '--ip-masq=false', `--host=unix://${this.socketPath}`];
    // In a network of its own: an engine without a bridge removes the one of the machine's engine when it starts.
    const apart = ['--net', program, ...places, ...alone, ...flags];
    this.#process = spawn('unshare', apart, { stdio: 'ignore' });
    await eventually('the engine answers', () => this.docker('version'));
  }

  async docker(...args: string[]): Promise<string> {
    return (await run('docker', ['--host', `unix://${this.socketPath}`, ...args])).stdout.trim();
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const { exitCode, signalCode } = this.#process ?? {};
    if (this.#process === undefined || (exitCode ?? signalCode) != null) return;
    const over = once(this.#process, 'exit');
    this.#process.kill(signal);
    await over;
  }

  async close(): Promise<void> {
    await this.docker('ps', '--quiet')
      .then((ids) => (ids === '' ? '' : this.docker('rm', '--force', ...ids.split('\n'))))
      .catch(() => '');
    await this.end('SIGTERM');
    // What it leaves mounted.
    const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
    for (const path of mounts.reverse()) if (path.startsWith(`${this.directory}/`)) await run('umount', [path]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

for (const live of [false, true]) {
  describe(`an engine that is killed, and comes back ${live ? 'with' : 'without'} live-restore`, {
    skip,
    timeout,
  }, () => {
    const flags = live ? ['--live-restore'] : [];
    let own: OwnEngine;
    let engine: DockerEngine;
    const events: EngineEvent[] = [];

    before(async () => {
      own = await OwnEngine.start(...flags);
      engine = new DockerEngine({ address: { socketPath: own.socketPath }, scope: { 'mesita.test.scope': 'own' } });
      engine.onEvent((event) => void events.push(event));
      await engine.connect(new AbortController().signal);
    });
    after(async () => {
      for (const { name } of await engine.list()) await engine.remove(name);
      await engine.close();
      await own.close();
    });

    async function start(name: string, script: string, logs?: ContainerLogs): Promise<TaskRecord> {
      const [image, sandbox] = [await ensureTestImage(), join(own.directory, name)];
      await mkdir(sandbox);
      const record = { containerName: name, sandbox } as Partial<TaskRecord> as TaskRecord;
      await engine.create({
        name,
        image,
        labels: {},
        command: ['sh', '-c', script],
        environment: {},
        cpuShares: 0.1,
        pidsLimit: 50,
        network: { mode: 'none' },
        mounts: [],
        privileged: false,
        parameters: [],
      });
      await logs?.attach(record);
      await engine.start(name);
      logs?.started(record);
      return record;
    }

    const exitsOf = (name: string) => events.filter((event) => event.kind === 'exited' && event.name === name);

    test('has each end told once, and truly', async (t) => {
      const limits = { maxSize: 0, files: 2 };
      const logs = new ContainerLogs({ engine, clock: systemClock, log: silentLog, limits });
      t.after(() => logs.stop());
      await start('before', 'exit 2');
      await eventually('it has ended', () => exitsOf('before').length === 1);
      await start('during', 'sleep 4; exit 6');
      await start('polite', 'trap "exit 0" TERM; sleep 1000 & wait');
      const lines = 'n=0; while [ $n -lt 40 ]; do n=$((n + 1)); echo $n; sleep 0.3; done; exit 7';
      const counting = await start('counting', lines, logs);
      await own.end('SIGKILL');
      await assert.rejects(start('meanwhile', 'exit 0'), { code: 'MESITA_ENGINE_UNREACHABLE' });
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      await own.start(...flags);
      await eventually('the one that ended meanwhile', () => exitsOf('during').length === 1);
      const exit = { kind: 'exited', outOfMemory: false };
      // Docker 20.10 without live-restore now and then has lost the status, and says 255 in its place.
      const [during] = exitsOf('during');
      const told = live || during?.kind !== 'exited' || during.exitCode !== 255 ? 6 : 255;
      assert.deepEqual(during, { ...exit, name: 'during', exitCode: told });
      if (live) {
        assert.equal((await engine.list()).find(({ name }) => name === 'polite')?.state, 'running');
        await eventually('it has counted', () => exitsOf('counting').length === 1);
        assert.equal(await logs.ended(counting), undefined);
        const counted = Array.from({ length: 40 }, (_, index) => `${index + 1}\n`).join('');
        assert.equal(await readFile(join(counting.sandbox, 'stdout'), 'utf8'), counted);
        await engine.stop('polite', 10);
        await eventually('its end', () => exitsOf('polite').length === 1);
        assert.deepEqual(exitsOf('polite'), [{ ...exit, name: 'polite', exitCode: 0 }]);
      } else {
        await eventually('the others', () => exitsOf('polite').length === 1 && exitsOf('counting').length === 1);
        assert.deepEqual(exitsOf('polite'), [{ ...exit, name: 'polite', exitCode: 0, because: endedByEngine }]);
      }
      await start('after', 'exit 3');
      await eventually('the one after', () => exitsOf('after').length === 1);
      for (const name of ['before', 'during', 'polite', 'counting', 'after'])
        assert.equal(exitsOf(name).length, 1, name);
      assert.equal(exitsOf('meanwhile').length, 0);
    });

    if (!live)
      test('is said to have ended what it ended when it was stopped', async () => {
        await start('stopped', 'trap "exit 0" TERM; sleep 1000 & wait');
        await start('by-people', 'trap "exit 0" TERM; sleep 1000 & wait');
        await own.docker('stop', 'by-people');
        await eventually('its end', () => exitsOf('by-people').length === 1);
        await own.end('SIGTERM');
        await own.start(...flags);
        await eventually('its end', () => exitsOf('stopped').length === 1);
        const exit = { kind: 'exited', exitCode: 0, outOfMemory: false };
        assert.deepEqual(exitsOf('by-people'), [{ ...exit, name: 'by-people' }]);
        assert.deepEqual(exitsOf('stopped'), [{ ...exit, name: 'stopped', because: endedByEngine }]);
      });
  });
}
