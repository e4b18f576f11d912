import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KillCause } from '../../../protocol/agent-link.ts';
import { AgentRoom, dockerTask, framework } from '../../support/agent-room.ts';
import { executorInfo, executorTask, RoomExecutor } from '../../support/room-executor.ts';

const cause: KillCause = { reason: 'REASON_CONTAINER_PREEMPTED', message: "Preempted for role 'prod'" };

describe('a kill that the master itself wants', () => {
  test('has the grace of the task, and its end says why', async (t) => {
    const room = await AgentRoom.open();
    t.after(() => room.close());
    room.run(dockerTask('t1', { kill_policy: { grace_period: { nanoseconds: 7e9 } } }));
    await room.running('t1');
    room.performer.receive({ type: 'KILL_TASK', framework_id: framework.id?.value ?? '', task_id: 't1', cause });
    assert.deepEqual(
      room.engine.calls.filter((call) => call.startsWith('stop')).map((call) => call.split(' ').at(-1)),
      ['7'],
    );
    const { state, reason, message } = (await room.history('t1')).at(-1) ?? {};
    assert.deepEqual({ state, reason, message }, { state: 'TASK_KILLED', ...cause });
  });

  test('of a task of an executor is told by the executor, and explained', async (t) => {
    const room = await AgentRoom.open();
    t.after(() => room.close());
    room.run(executorTask('t1', executorInfo('ex')));
    const executor = await RoomExecutor.subscribe(room, 'ex');
    executor.update('t1', 'TASK_RUNNING');
    for (const status of room.statuses()) room.acknowledge(status);
    executor.heard();
    room.performer.receive({ type: 'KILL_TASK', framework_id: framework.id?.value ?? '', task_id: 't1', cause });
    assert.deepEqual(executor.heard(), ['KILL t1']);
    executor.update('t1', 'TASK_KILLED');
    const { state, reason, message } = room.statuses().at(-1) ?? {};
    assert.deepEqual({ state, reason, message }, { state: 'TASK_KILLED', ...cause });
  });
});
