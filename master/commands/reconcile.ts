import { asAgentId, asTaskId } from '../../protocol/ids.ts';
import type {
  SchedulerCallReconcile,
  SchedulerCallReconcileTask,
  Task,
  TaskState,
  TaskStatus,
} from '../../protocol/messages.ts';
import { partitionState } from '../../protocol/task-state.ts';
import { type Effect, type Reconciliation, sendEvent } from '../effects.ts';
import type { Framework, MasterState } from '../state.ts';
import { masterStatus, updateEvent } from './statuses.ts';

/** Answers made in one go; others get their turn between two of these. */
const sliceLength = 500;

/** RECONCILE: implicit (no tasks named) tells the state of all active tasks, explicit that of each one named. */
export function reconcile(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallReconcile,
  now: number,
): Effect[] {
  const named = call.tasks ?? [];
  if (named.length > 0) return reconcileFrom(state, framework, { asked: named, implicit: false, from: 0 }, now);
  const asked = [...framework.tasks.values()].map(({ task_id, agent_id }) => ({ task_id, agent_id }));
  return reconcileFrom(state, framework, { asked, implicit: true, from: 0 }, now);
}

/** Answers a slice; each answer is the truth of the moment in which it is sent. */
export function reconcileFrom(
  state: MasterState,
  framework: Framework,
  { asked, implicit, from }: Reconciliation,
  now: number,
): Effect[] {
  const to = Math.min(from + sliceLength, asked.length);
  const effects: Effect[] = [];
  for (const task of asked.slice(from, to)) {
    if (implicit && !framework.tasks.has(asTaskId(task.task_id.value))) continue;
    effects.push(sendEvent(framework.id, updateEvent(answer(state, framework, task, now))));
  }
  if (to < asked.length) {
    effects.push({ kind: 'reconcileOn', framework: framework.id, rest: { asked, implicit, from: to } });
  }
  return effects;
}

function answer(state: MasterState, framework: Framework, asked: SchedulerCallReconcileTask, now: number): TaskStatus {
  const known = framework.tasks.get(asTaskId(asked.task_id.value));
  if (known !== undefined) return latestStatus(known, now);
  const agent = asked.agent_id?.value;
  const tell = (aware: TaskState, message: string): TaskStatus =>
    masterStatus(
      {
        task: asked.task_id.value,
        agent,
        state: partitionState(framework.info, aware),
        reason: 'REASON_RECONCILIATION',
        message: `Reconciliation: ${message}`,
      },
      now,
    );
  if (agent !== undefined && state.agents.has(asAgentId(agent)))
    return tell('TASK_GONE', 'Task is unknown to the agent');
  const cutOff = agent === undefined ? undefined : state.unreachableAgents.get(asAgentId(agent));
  if (cutOff !== undefined) {
    const unreachable_time = { nanoseconds: cutOff.since * 1e6 };
    return { ...tell('TASK_UNREACHABLE', 'Task is unreachable'), unreachable_time };
  }
  return tell('TASK_UNKNOWN', 'Task is unknown');
}

/** The last state that the framework was sent, else the latest one. */
function latestStatus(task: Task, now: number): TaskStatus {
  const last = task.statuses?.at(-1);
  return {
    ...masterStatus(
      {
        task: task.task_id.value,
        agent: task.agent_id.value,
        state: task.status_update_state ?? task.state,
        reason: 'REASON_RECONCILIATION',
        message: 'Reconciliation: Latest task state',
      },
      now,
    ),
    ...(last?.healthy === undefined ? {} : { healthy: last.healthy }),
    ...(last?.check_status && { check_status: last.check_status }),
    ...(last?.container_status && { container_status: last.container_status }),
  };
}
