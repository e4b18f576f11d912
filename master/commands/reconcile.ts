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
import { addCondition, updateEvent } from './statuses.ts';

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
    const status = answer(state, framework, task, now);
    if (status !== undefined) effects.push(sendEvent(framework.id, updateEvent(status)));
  }
  if (to < asked.length) {
    effects.push({ kind: 'reconcileOn', framework: framework.id, rest: { asked, implicit, from: to } });
  }
  return effects;
}

/** Undefined: nothing can be said yet. */
function answer(
  state: MasterState,
  framework: Framework,
  asked: SchedulerCallReconcileTask,
  now: number,
): TaskStatus | undefined {
  const known = framework.tasks.get(asTaskId(asked.task_id.value));
  if (known !== undefined) return latestStatus(known, now);
  if (mayComeBack(state, asked.agent_id?.value)) return undefined;
  const { aware, message } = unknownTask(state, asked.agent_id?.value);
  const status = reconciled(asked, partitionState(framework.info, aware), message, now);
  if (aware === 'TASK_UNREACHABLE') {
    const since = state.unreachableAgents.get(asAgentId(asked.agent_id?.value ?? ''))?.since ?? now;
    status.unreachable_time = { nanoseconds: since * 1e6 };
  }
  return status;
}

/** Made a hundred thousand times in a row, so without intermediate objects. */
function reconciled(
  { task_id, agent_id }: SchedulerCallReconcileTask,
  state: TaskState,
  message: string,
  now: number,
): TaskStatus {
  const status: TaskStatus = {
    task_id,
    state,
    message,
    source: 'SOURCE_MASTER',
    reason: 'REASON_RECONCILIATION',
    timestamp: now / 1000,
  };
  if (agent_id !== undefined) status.agent_id = agent_id;
  return status;
}

interface Verdict {
  /** What partition-aware frameworks are told; the others hear TASK_LOST. */
  readonly aware: TaskState;
  readonly message: string;
}

const verdicts = {
  registered: { aware: 'TASK_GONE', message: 'Reconciliation: Task is unknown to the agent' },
  unreachable: { aware: 'TASK_UNREACHABLE', message: 'Reconciliation: Task is unreachable' },
  gone: { aware: 'TASK_GONE_BY_OPERATOR', message: 'Reconciliation: Task is gone' },
  unknown: { aware: 'TASK_UNKNOWN', message: 'Reconciliation: Task is unknown' },
} as const satisfies Record<string, Verdict>;

/** Whether a task that this master does not know may be one of an agent that is not back yet. */
function mayComeBack({ recovery: { agents } }: MasterState, agent: string | undefined): boolean {
  return agent === undefined ? agents.size > 0 : agents.has(asAgentId(agent));
}

/** What becomes of a task that the master does not know depends on the agent that it is said to be on. */
function unknownTask(state: MasterState, agent: string | undefined): Verdict {
  if (agent === undefined) return verdicts.unknown;
  const id = asAgentId(agent);
  if (state.agents.has(id)) return verdicts.registered;
  if (state.unreachableAgents.has(id)) return verdicts.unreachable;
  return state.goneAgents.has(id) ? verdicts.gone : verdicts.unknown;
}

/** The last state that the framework was sent, else the latest one. */
function latestStatus(task: Task, now: number): TaskStatus {
  const status = reconciled(task, task.status_update_state ?? task.state, 'Reconciliation: Latest task state', now);
  return addCondition(status, task);
}
