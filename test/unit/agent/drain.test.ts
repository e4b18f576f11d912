import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { DrainConfig, TaskInfo } from '../../../protocol/messages.ts';
import { AgentRoom, dockerTask, framework, outcomes } from '../../support/agent-room.ts';

async function running(t: TestContext, task: Partial<TaskInfo> = {}, capable = true) {
  const room = await AgentRoom.open();
  t.after(() => room.close());
  const capabilities = capable ? [{ type: 'PARTITION_AWARE' } as const, { type: 'TASK_KILLING_STATE' } as const] : [];
  room.run(dockerTask('t1', task), { ...framework, capabilities });
  await room.running('t1');
  return room;
}

function drain(room: AgentRoom, config: DrainConfig): void {
  room.performer.receive({ type: 'DRAIN', drain: { config, started_at: 1_700_000 } });
}

const seconds = (count: number): DrainConfig => ({ max_grace_period: { nanoseconds: count * 1e9 } });
const graces = (room: AgentRoom) =>
  room.engine.calls.filter((call) => call.startsWith('stop')).map((call) => call.split(' ').at(-1));

describe('a drain', () => {
  test('kills the tasks of the agent, and says why', async (t) => {
    const room = await running(t);
    drain(room, {});
    assert.deepEqual(outcomes(await room.history('t1')).slice(-2), [
      'TASK_KILLING REASON_AGENT_DRAINING',
      'TASK_KILLED REASON_AGENT_DRAINING',
    ]);
  });

  test('of an agent that never comes back ends tasks as gone, once, for those who know partitions', async (t) => {
    const aware = await running(t);
    drain(aware, { mark_gone: true });
    assert.deepEqual(outcomes(await aware.history('t1')).slice(-2), [
      'TASK_KILLING REASON_AGENT_DRAINING',
      'TASK_GONE_BY_OPERATOR REASON_AGENT_DRAINING',
    ]);
    const plain = await running(t, {}, false);
    drain(plain, { mark_gone: true });
    assert.equal(outcomes(await plain.history('t1')).at(-1), 'TASK_KILLED REASON_AGENT_DRAINING');
  });

  test('grants at most its own grace, and no more than the task does', async (t) => {
    const own = { kill_policy: { grace_period: { nanoseconds: 3e9 } } };
    for (const [task, config, grace] of [
      [own, seconds(2), '2'],
      [own, seconds(60), '3'],
      [own, {}, '3'],
      [{}, seconds(60), '5'],
    ] as const) {
      const room = await running(t, task);
      drain(room, config);
      assert.deepEqual(graces(room), [grace]);
    }
  });

  test('that is told again, by a master that was away, changes nothing unless it is another one', async (t) => {
    const room = await running(t);
    for (const config of [seconds(4), seconds(4), seconds(1)]) drain(room, config);
    assert.deepEqual(graces(room), ['4', '1']);
  });

  test('is shown until the agent is used again', async (t) => {
    const room = await running(t);
    drain(room, seconds(1));
    assert.deepEqual(room.state.drain, { config: seconds(1), startedAt: 1_700_000 });
    room.performer.receive({ type: 'DRAIN' });
    assert.equal(room.state.drain, undefined);
    room.run(dockerTask('t2'));
    await room.running('t2');
  });
});
