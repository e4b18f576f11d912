import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ContainerLogs } from '../../../agent/container-logs.ts';
import type { Engine, LogSinks } from '../../../agent/engine/engine.ts';
import type { TaskRecord } from '../../../agent/state.ts';
import { silentLog } from '../../../runtime/log.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

describe('the output of a container that has ended', () => {
  let sandbox: string;
  let timers: (() => void)[];

  beforeEach(async () => {
    sandbox = await mkdtemp(join(tmpdir(), 'mesita-logs-'));
    timers = [];
  });
  afterEach(() => rm(sandbox, { recursive: true, force: true }));

  /** Lets all that is set to happen later happen now, once there is something. */
  async function timePasses(): Promise<void> {
    while (timers.length === 0) await turn();
    for (const callback of timers.splice(0)) callback();
  }

  function logsBy(logs: (sinks: LogSinks, follow: boolean) => Promise<void>): ContainerLogs {
    const engine = {
      logs: (_name: string, sinks: LogSinks, options: { follow: boolean }) => logs(sinks, options.follow),
    } as Partial<Engine> as Engine;
    const clock = {
      now: () => 0,
      after: (_milliseconds: number, callback: () => void) => {
        timers.push(callback);
        return () => {
          timers = timers.filter((other) => other !== callback);
        };
      },
    };
    return new ContainerLogs({ engine, clock, log: silentLog, limits: { maxSize: 0, files: 1 } });
  }

  function taskIn(directory: string): TaskRecord {
    return { key: 'task', containerName: 'container', sandbox: directory } as Partial<TaskRecord> as TaskRecord;
  }

  function endOf(directory: string, logs: (sinks: LogSinks) => Promise<void>): Promise<string | undefined> {
    return logsBy(logs).ended(taskIn(directory));
  }

  it('is waited for as long as more of it comes', async () => {
    const problem = await endOf(sandbox, async ({ stdout }) => {
      for (let part = 0; part < 20; part++) {
        await new Promise<void>((written) => void stdout.write('part\n', () => written()));
        await timePasses();
      }
    });
    assert.equal(problem, undefined);
    assert.equal(await readFile(join(sandbox, 'stdout'), 'utf8'), 'part\n'.repeat(20));
  });

  it('is given up when nothing more of it comes, with a word on that', async () => {
    const ended = endOf(sandbox, async ({ stdout }) => {
      await new Promise<void>((written) => void stdout.write('part\n', () => written()));
      await new Promise(() => undefined);
    });
    const passing = (async () => {
      while (timers.length === 0) await turn();
      while (timers.length > 0) {
        await timePasses();
        await turn();
      }
    })();
    assert.match((await ended) ?? '', /hands out no more/);
    await passing;
  });

  it('says why when it cannot be written', async () => {
    const problem = await endOf(join(sandbox, 'missing'), async ({ stdout }) => void stdout.write('lost'));
    assert.match(problem ?? '', /ENOENT/);
  });

  it('is complete also when the engine ends what was followed too early, and is there once', async () => {
    const followed = Promise.withResolvers<void>();
    const logs = logsBy(async ({ stdout, stderr }, follow) => {
      stdout.write('one\ntw');
      if (follow) return followed.resolve();
      stdout.write('o\nthree\n');
      await new Promise<void>((written) => void stderr.write('four\n', () => written()));
      await new Promise<void>((written) => void stdout.write('', () => written()));
    });
    const task = taskIn(sandbox);
    logs.started(task);
    await timePasses();
    await followed.promise;
    assert.equal(await logs.ended(task), undefined);
    assert.equal(await readFile(join(sandbox, 'stdout'), 'utf8'), 'one\ntwo\nthree\n');
    assert.equal(await readFile(join(sandbox, 'stderr'), 'utf8'), 'four\n');
  });

  it('is followed on from where an engine that it was attached to broke off', async () => {
    const broken = Promise.withResolvers<void>();
    let record = 'one\ntwo\n';
    let readings = 0;
    const engine = {
      attach: async (_name: string, { stdout }: LogSinks) => {
        stdout.write('one\n');
        return { ended: broken.promise };
      },
      logs: async (_name: string, { stdout }: LogSinks) => {
        readings++;
        await new Promise<void>((written) => void stdout.write(record, () => written()));
      },
    } as Partial<Engine> as Engine;
    const clock = new VirtualClock();
    const logs = new ContainerLogs({ engine, clock, log: silentLog, limits: { maxSize: 0, files: 1 } });
    const task = taskIn(sandbox);
    await logs.attach(task);
    logs.started(task);
    broken.resolve();
    while (readings < 2) {
      clock.advance(100);
      await turn();
    }
    record += 'three\n';
    assert.equal(await logs.ended(task), undefined);
    assert.equal(await readFile(join(sandbox, 'stdout'), 'utf8'), 'one\ntwo\nthree\n');
  });

  it('is copied from where an earlier run of the agent came to', async () => {
    await writeFile(join(sandbox, 'stdout.1'), 'one\n');
    await writeFile(join(sandbox, 'stdout'), 'two\nthr');
    const engine = {
      logs: async (_name: string, { stdout, stderr }: LogSinks) => {
        stdout.write('one\ntwo\nthree\nfour\n');
        stderr.write('five\n');
      },
    } as Partial<Engine> as Engine;
    const limits = { maxSize: 0, files: 3 };
    const logs = new ContainerLogs({ engine, clock: new VirtualClock(), log: silentLog, limits });
    assert.equal(await logs.ended(taskIn(sandbox)), undefined);
    assert.equal(await readFile(join(sandbox, 'stdout'), 'utf8'), 'two\nthree\nfour\n');
    assert.equal(await readFile(join(sandbox, 'stderr'), 'utf8'), 'five\n');
  });

  it('says where something is missing that the engine has not kept', async () => {
    await writeFile(join(sandbox, 'stdout'), 'one\ntwo\n');
    let readings = 0;
    const engine = {
      logs: async (_name: string, { stdout }: LogSinks) => {
        readings++;
        stdout.write('nine\nten\n');
      },
    } as Partial<Engine> as Engine;
    const clock = new VirtualClock();
    const logs = new ContainerLogs({ engine, clock, log: silentLog, limits: { maxSize: 0, files: 1 } });
    const ended = logs.ended(taskIn(sandbox));
    // Until it waits for more of the record, beside whoever watches that something comes.
    while (readings < 1 || clock.pending < 2) await turn();
    clock.advance(1_000);
    assert.equal(await ended, undefined);
    const text = await readFile(join(sandbox, 'stdout'), 'utf8');
    assert.match(text, /^one\ntwo\n\nmesita: output is missing here: [^\n]+\nnine\nten\n$/);
  });

  it('that cannot be written does no harm where it is attached to', async () => {
    const engine = {
      attach: async (_name: string, { stdout }: LogSinks) => ({
        ended: new Promise<void>((resolve) => void stdout.write('lost', () => resolve())),
      }),
    } as Partial<Engine> as Engine;
    const clock = new VirtualClock();
    const logs = new ContainerLogs({ engine, clock, log: silentLog, limits: { maxSize: 0, files: 1 } });
    const task = taskIn(join(sandbox, 'missing'));
    await logs.attach(task);
    logs.started(task);
    await turn();
    assert.match((await logs.ended(task)) ?? '', /ENOENT/);
  });

  it('goes nowhere through a link that the task put in place of the file', async () => {
    const elsewhere = join(sandbox, 'elsewhere');
    await symlink(elsewhere, join(sandbox, 'stdout'));
    const problem = await endOf(sandbox, async ({ stdout }) => void stdout.write('harm'));
    assert.match(problem ?? '', /ELOOP/);
    await assert.rejects(readFile(elsewhere), { code: 'ENOENT' });
  });
});
