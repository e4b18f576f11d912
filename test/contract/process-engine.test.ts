import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { ProcessEngine } from '../../agent/engine/process-engine.ts';
import { procFiles } from '../../runtime/proc-files.ts';
import { eventually } from '../support/eventually.ts';
import { exitOf, never, ProcessRoom } from '../support/process-room.ts';
import { type Capability, type EngineHarness, engineContract } from './engine-contract.ts';

const capabilities: ReadonlySet<Capability> = new Set(['kernel', 'host', 'sessions']);

async function open(): Promise<EngineHarness> {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-test-processes-'));
  return {
    capabilities,
    image: '',
    unknownImage: 'mesita-test/nowhere:1',
    network: { mode: 'host' },
    engine: (scope) => new ProcessEngine({ directory, scope }),
    breakConnections: async () => undefined,
    restoreConnections: async () => undefined,
    close: async () => {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

engineContract('process engine', open, capabilities);

function room(name: string, body: (at: ProcessRoom) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async () => {
    const at = await ProcessRoom.open();
    try {
      await body(at);
    } finally {
      await at.close();
    }
  });
}

describe('process engine: what survives whom', () => {
  room('processes go on when the agent is killed, and the next engine object knows how they ended', async (at) => {
    const later = `while [ ! -e ${at.directory}/end ]; do sleep 0.05; done; exit 8`;
    const containers = { later, running: 'exec sleep 1000', ended: 'exit 9' };
    const agent = await at.agentThatRuns(containers, 'ended');
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    await writeFile(join(at.directory, 'end'), '');
    await eventually('the later one has ended', async () => (await at.logs('keeper')).includes('"exitStatus":8'));
    const engine = await at.connected();
    const listed = new Map((await engine.list()).map((each) => [each.name, each]));
    assert.deepEqual(listed.get('ended')?.exit, { exitCode: 9, outOfMemory: false });
    assert.deepEqual(listed.get('later')?.exit, { exitCode: 8, outOfMemory: false });
    assert.equal(listed.get('running')?.state, 'running');
    assert.equal(listed.get('running')?.labels.color, 'red');
    const usage = await engine.usage('running');
    assert.ok(usage !== undefined && usage.mem > 0 && usage.pids === 1);
    const exited = exitOf(engine, 'running');
    await engine.stop('running', 5);
    assert.deepEqual(await exited, { kind: 'exited', name: 'running', exitCode: 143, outOfMemory: false });
  });

  room('of a command that was talked with nothing is left when the agent was killed', async (at) => {
    const pid = join(at.directory, 'pid');
    const script = `setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >${pid}; sleep 1000`;
    const wait = `until [ -s ${pid} ]; do sleep 0.05; done`;
    const agent = await at.agentThatRuns({ running: 'exec sleep 1000', ended: wait }, 'ended', { running: script });
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    const daemon = Number(await readFile(pid, 'utf8'));
    const engine = await at.connected();
    assert.ok(procFiles.row(daemon)?.zombie ?? true);
    assert.equal((await engine.list()).find(({ name }) => name === 'running')?.state, 'running');
  });

  room('when a keeper is killed, so is what it was the parent of; and it is replaced', async (at) => {
    const engine = await at.connected();
    const [ended, one, two] = [exitOf(engine, 'ended'), exitOf(engine, 'one'), exitOf(engine, 'two')];
    await at.run(engine, 'ended', 'exit 4');
    assert.equal((await ended).exitCode, 4);
    await at.run(engine, 'one', 'sleep 1000 & setsid sleep 1000 & wait');
    const [keeper] = await at.keepers();
    assert.ok(keeper !== undefined);
    process.kill(keeper, 'SIGKILL');
    const because = 'the process that looked after it was killed';
    assert.deepEqual(await one, { kind: 'exited', name: 'one', exitCode: 137, outOfMemory: false, because });
    assert.deepEqual(await at.processesOf('one'), []);
    assert.match(at.warnings.join(), /keeper of one was killed/);
    await at.run(engine, 'two', 'exit 5');
    assert.equal((await two).exitCode, 5);
    assert.equal((await engine.list()).find(({ name }) => name === 'ended')?.exit?.exitCode, 4);
  });

  room('a keeper that is killed after its agent is found out about', async (at) => {
    const first = await at.connected();
    await at.run(first, 'one', 'exec sleep 1000');
    const [keeper] = await at.keepers();
    assert.ok(keeper !== undefined);
    await first.close();
    process.kill(keeper, 'SIGKILL');
    await eventually('the keeper is gone', async () => !(await at.keepers()).includes(keeper));
    for (let times = 0; times < 2; times++) {
      const next = await at.connected();
      assert.equal((await next.list())[0]?.exit?.exitCode, 137);
      await next.close();
    }
    assert.deepEqual(await at.processesOf('one'), []);
  });

  room('a keeper is deaf to signals that end sessions, and takes its orders until its input ends', async (at) => {
    const engine = await at.connected();
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', 'while [ ! -e end ]; do sleep 0.05; done; exit 7');
    const [keeper] = await at.keepers();
    assert.ok(keeper !== undefined);
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.kill(keeper, signal);
    await writeFile(join(at.directory, 'end'), '');
    assert.equal((await exited).exitCode, 7);
    assert.deepEqual(await at.keepers(), [keeper]);
  });

  room('daemons end with their container, also those that an earlier agent left', async (at) => {
    const engine = await at.connected();
    const daemons = 'for n in 1 2 3; do setsid sleep 1000 >/dev/null 2>&1 & done; sleep 0.2; exit 6';
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', daemons);
    assert.equal((await exited).exitCode, 6);
    assert.deepEqual(await at.processesOf('one'), []);
    await at.run(engine, 'two', daemons);
    await engine.close();
    await eventually('it has ended', async () => (await at.logs('keeper')).split('"exitStatus":6').length === 3);
    assert.equal((await at.processesOf('two')).length, 3);
    const next = await at.connected();
    assert.deepEqual(await at.processesOf('two'), []);
    assert.equal((await next.list()).find(({ name }) => name === 'two')?.exit?.exitCode, 6);
  });

  room('what a shell has started may use its grace period when the shell has not', async (at) => {
    const engine = await at.connected();
    const child = `trap 'sleep 0.3; echo bye >said; exit' TERM; echo >up; while :; do sleep 0.05; done`;
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', `sh -c "${child}"; true`);
    await eventually('it runs', () => existsSync(join(at.directory, 'up')));
    await engine.stop('one', 20);
    assert.equal((await exited).exitCode, 143);
    assert.equal(await readFile(join(at.directory, 'said'), 'utf8'), 'bye\n');
  });

  room('another process that has the pid of one that has ended is left alone', async (at) => {
    const engine = await at.connected();
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', 'exit 0');
    await exited;
    await engine.close();
    const stranger = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    try {
      // As if machine and agent had been away: both pids are others' now, and how it ended is lost.
      const [log] = (await readdir(at.state, { recursive: true })).filter((file) =>
        basename(file).startsWith('keeper'),
      );
      const { pid } = stranger;
      const reports = [
        { kind: 'keeper', pid, start: 1 },
        { kind: 'started', mark: await at.mark(), pid, start: 1 },
      ];
      await writeFile(join(at.state, log ?? ''), reports.map((report) => `${JSON.stringify(report)}\n`).join(''));
      const next = await at.connected();
      assert.equal((await next.list())[0]?.exit?.exitCode, 137);
      await next.signal('one', 'SIGKILL');
      await next.remove('one');
      assert.equal(stranger.exitCode ?? stranger.signalCode, null);
      assert.doesNotThrow(() => process.kill(stranger.pid ?? 0, 0));
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  room('a removed container leaves no file and no zombie', async (at) => {
    const engine = await at.connected();
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', 'echo something');
    await exited;
    await engine.exec('one', ['true'], { environment: {}, signal: never });
    await engine.remove('one');
    const left = async () => (await readdir(at.state, { recursive: true })).map((file) => basename(file));
    assert.equal((await left()).filter((file) => file.startsWith('one')).length, 0);
    const keepers = await at.keepers();
    assert.equal(keepers.length, 1);
    await eventually('the keeper has collected it', () => at.childrenOf(keepers).length === 0);
    await engine.close();
    await eventually('the keeper has ended', async () => (await at.keepers()).length === 0);
    assert.deepEqual(
      (await left()).filter((file) => file.startsWith('keeper')),
      [],
    );
  });
});

// Holds 30 MB each.
const hog = '(head -c 30000000 /dev/zero; exec sleep 1000) | tail';

describe('process engine: limits', () => {
  room('what the whole tree uses counts, and is remembered as the reason', async (at) => {
    const engine = await at.connected();
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', `${hog} & setsid sh -c '${hog}' & wait`, { memoryLimit: 50 });
    const { exitCode, outOfMemory, memPeak } = await exited;
    assert.deepEqual({ exitCode, outOfMemory }, { exitCode: 137, outOfMemory: true });
    assert.ok(memPeak !== undefined && memPeak > 50);
    assert.deepEqual(await at.processesOf('one'), []);
    await engine.close();
    const [listed] = await (await at.connected()).list();
    assert.deepEqual(listed?.exit, { exitCode, outOfMemory, memPeak });
  });

  room('a limit that is changed counts at once', async (at) => {
    const engine = await at.connected();
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', `while [ ! -e grow ]; do sleep 0.05; done; ${hog}`, { memoryLimit: 20 });
    await engine.update('one', { cpuShares: 1, memoryLimit: 200 });
    await writeFile(join(at.directory, 'grow'), '');
    await eventually('it has grown', async () => ((await engine.usage('one'))?.mem ?? 0) > 30);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal((await engine.list())[0]?.state, 'running');
    await engine.update('one', { cpuShares: 1, memoryLimit: 20 });
    assert.equal((await exited).outOfMemory, true);
  });

  room('too many processes are killed, and a person is told', async (at) => {
    const engine = await at.connected();
    const exited = exitOf(engine, 'one');
    await at.run(engine, 'one', 'for n in 1 2 3 4 5 6; do sleep 1000 & done; wait', { pidsLimit: 5 });
    const { exitCode, outOfMemory } = await exited;
    assert.deepEqual({ exitCode, outOfMemory }, { exitCode: 137, outOfMemory: false });
    assert.match(at.warnings.join(), /one is killed: it has 7 processes, and may have 5/);
  });
});

describe('process engine: output in place', () => {
  room('is put away by size, and no line is lost though two processes write on', async (at) => {
    const engine = await at.connected();
    const exited = exitOf(engine, 'one');
    const write = (name: string) =>
      `n=0; while [ ! -e end ]; do n=$((n + 1)); echo "${name} $n"; case $n in *00) sleep 0.01;; esac; done; echo "${name} end $n"`;
    const output = { directory: at.directory, maxSize: 20_000, files: 1000 };
    await at.run(engine, 'one', `setsid sh -c '${write('a')}' & ${write('b')}; wait`, { output });
    const stdouts = async () =>
      (await readdir(at.directory))
        .filter((name) => name.startsWith('stdout'))
        .sort((left, right) => Number(right.slice(7)) - Number(left.slice(7)));
    await eventually('it was put away three times', async () => (await stdouts()).length > 3);
    await writeFile(join(at.directory, 'end'), '');
    assert.equal((await exited).exitCode, 0);
    const texts = await Promise.all((await stdouts()).map((name) => readFile(join(at.directory, name), 'utf8')));
    const lines = texts.join('').trimEnd().split('\n');
    for (const name of ['a', 'b']) {
      const own = lines.filter((line) => line.startsWith(name));
      const last = Number(own.at(-1)?.split(' ')[2]);
      const expected = Array.from({ length: last }, (_, index) => `${name} ${index + 1}`);
      assert.deepEqual(own, [...expected, `${name} end ${last}`]);
    }
  });

  room('does not follow a link out of the sandbox', async (at) => {
    const engine = await at.connected();
    await symlink('/etc/passwd', join(at.directory, 'stdout'));
    const output = { directory: at.directory, maxSize: 0, files: 1 };
    await assert.rejects(at.run(engine, 'one', 'echo x', { output }), { code: 'MESITA_ENGINE_FAILED' });
    await engine.remove('one');
    assert.deepEqual(await engine.list(), []);
  });

  room('keeps the latest files alone', async (at) => {
    const engine = await at.connected();
    const output = { directory: at.directory, maxSize: 1_000, files: 2 };
    const write = 'while :; do echo 0123456789012345678901234567890123456789; sleep 0.01; done';
    await at.run(engine, 'one', write, { output });
    const first = join(at.directory, 'stdout.1');
    await eventually('it was put away', () => existsSync(first));
    const { mtimeMs } = await stat(first);
    await eventually('it was put away again', async () => (await stat(first)).mtimeMs > mtimeMs);
    const names = (await readdir(at.directory)).filter((name) => name.startsWith('stdout'));
    assert.deepEqual(names.filter((name) => name !== 'stdout.new').sort(), ['stdout', 'stdout.1']);
  });
});
