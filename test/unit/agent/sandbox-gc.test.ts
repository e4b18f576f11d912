import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { allowedAge, dueForRemoval } from '../../../agent/gc-schedule.ts';
import { SandboxPaths } from '../../../agent/sandbox-paths.ts';
import { AgentRoom, dockerTask } from '../../support/agent-room.ts';
import { until } from '../../support/virtual-clock.ts';

const week = 604_800;

describe('the age that sandboxes may reach', () => {
  const policy = { delay: week, headroom: 0.1 };

  it('is less the fuller the disk is, and none in the headroom', () => {
    assert.equal(allowedAge(policy, 0), week * 0.9);
    assert.ok(Math.abs(allowedAge(policy, 0.5) - week * 0.4) < 1e-6);
    assert.equal(allowedAge(policy, 0.9), 0);
    assert.equal(allowedAge(policy, 1), 0);
  });

  it('decides what goes, the oldest first', () => {
    const schedule = new Map([
      ['young', 2000],
      ['old', 1000],
      ['new', 9000],
    ]);
    assert.deepEqual(dueForRemoval(schedule, { delay: 10, headroom: 0 }, 10, 2000), ['old', 'young']);
    assert.deepEqual(dueForRemoval(schedule, { delay: 10, headroom: 0 }, 10, 999), []);
    assert.deepEqual(dueForRemoval(schedule, { delay: 10, headroom: 0 }, 5, 999), ['old', 'young']);
    assert.deepEqual(dueForRemoval(schedule, { delay: 10, headroom: 0 }, 0, 0), ['old', 'young', 'new']);
  });

  it('keeps exactly what is not older than it', () => {
    const ages = fc.array(fc.integer({ min: 0, max: 2 * week }));
    fc.assert(
      fc.property(ages, fc.double({ min: 0, max: 1, noNaN: true }), (given, usage) => {
        const now = 1e12;
        const allowed = Math.floor(allowedAge(policy, usage));
        const schedule = new Map(given.map((age, index) => [String(index), now - age * 1000 + week * 1000]));
        const gone = new Set(dueForRemoval(schedule, policy, allowed, now));
        given.forEach((age, index) => void assert.equal(gone.has(String(index)), age >= allowed));
      }),
    );
  });
});

describe('sandboxes', () => {
  let room: AgentRoom;

  beforeEach(async () => {
    room = await AgentRoom.open({ program: () => ({ exit: { exitCode: 0 } }) });
  });
  afterEach(() => room.close());

  async function ended(id: string): Promise<string> {
    room.run(dockerTask(id));
    const { sandbox } = room.task(id);
    await room.history(id);
    await until('it is on the schedule', () => room.sandboxes.pending > 0);
    return sandbox;
  }

  const frameworkOf = (sandbox: string) => dirname(dirname(dirname(dirname(sandbox))));

  it('of what is over stay for a while and go then, with what they are in', async () => {
    const sandbox = await ended('t1');
    await room.sandboxes.collect();
    assert.ok(existsSync(sandbox));
    room.clock.advance(3600_000);
    await room.sandboxes.collect();
    assert.ok(!existsSync(frameworkOf(sandbox)));
    assert.deepEqual(room.sandboxes.removals, { succeeded: 3, failed: 0 });
    assert.equal(room.sandboxes.pending, 0);
  });

  it('go at once when the disk is full', async () => {
    const sandbox = await ended('t1');
    room.diskUsage = 0.95;
    await room.sandboxes.collect();
    assert.ok(!existsSync(sandbox));
    assert.equal(room.sandboxes.maxAllowedAge, 0);
  });

  it('of a task that runs stay, and those of others of its framework go', async () => {
    const over = await ended('t1');
    const kept = join(frameworkOf(over), 'executors/t2/runs/C');
    await room.sandboxes.keep(kept);
    await mkdir(kept, { recursive: true });
    room.diskUsage = 1;
    await room.sandboxes.collect();
    assert.ok(!existsSync(over));
    assert.ok(existsSync(kept));
    await room.sandboxes.release(kept);
    await room.sandboxes.collect();
    assert.ok(!existsSync(frameworkOf(over)));
  });

  it('of standalone containers go when these are over, also those of an earlier run', async () => {
    room.diskUsage = 1;
    const [own, past] = ['own', 'past'].map((name) => join(room.directory, 'containers', name));
    assert.ok(own !== undefined && past !== undefined);
    await room.sandboxes.keep(own);
    await mkdir(own, { recursive: true });
    await mkdir(past);
    await utimes(past, 1, 1);
    await room.sandboxes.recover(new SandboxPaths(room.directory, 'S'));
    await room.sandboxes.collect();
    assert.deepEqual([existsSync(own), existsSync(past)], [true, false]);
    await room.sandboxes.release(own);
    await room.sandboxes.collect();
    assert.ok(!existsSync(own));
  });

  it('that come into use while others are removed are whole', async () => {
    room.diskUsage = 1;
    for (let round = 0; round < 20; round++) {
      const past = join(room.directory, `slaves/S/frameworks/G/executors/E/runs/${round}`);
      await room.sandboxes.keep(past);
      await mkdir(past, { recursive: true });
      await room.sandboxes.release(past);
      const next = join(dirname(past), `next-${round}`);
      const collecting = room.sandboxes.collect();
      await room.sandboxes.keep(next);
      await mkdir(next, { recursive: true });
      await collecting;
      assert.ok(existsSync(next));
      await room.sandboxes.release(next);
    }
  });

  it('of an earlier run, and of earlier agents, go by when they were last changed', async () => {
    const paths = new SandboxPaths(room.directory, 'S');
    const now = room.clock.now() / 1000;
    const make = async (path: string, secondsAgo: number) => {
      await mkdir(path, { recursive: true });
      await writeFile(join(path, 'stdout'), '');
      for (const each of [join(path, 'stdout'), path]) await utimes(each, now - secondsAgo, now - secondsAgo);
      return path;
    };
    const old = await make(paths.run('F', 'E1', 'C1'), 4000);
    const recent = await make(paths.run('F', 'E2', 'C2'), 100);
    const live = await make(paths.run('F', 'E3', 'C3'), 4000);
    const other = await make(new SandboxPaths(room.directory, 'former').run('F', 'E', 'C'), 5000);
    const agent = new SandboxPaths(room.directory, 'former').slave;
    for (const path of [
      agent,
      join(agent, 'frameworks'),
      join(agent, 'frameworks/F'),
      join(agent, 'frameworks/F/executors'),
    ])
      await utimes(path, now - 5000, now - 5000);
    for (const path of ['frameworks/F/executors/E', 'frameworks/F/executors/E/runs'])
      await utimes(join(agent, path), now - 5000, now - 5000);
    await room.sandboxes.keep(live);
    await room.sandboxes.recover(paths);
    await room.sandboxes.collect();
    assert.deepEqual([old, recent, live, other].map(existsSync), [false, true, true, false]);
    assert.ok(!existsSync(agent));
  });
});
