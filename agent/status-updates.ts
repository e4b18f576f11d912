import type { IdSource } from '../protocol/ids.ts';
import { uuidToBase64 } from '../protocol/ids.ts';
import type { ContainerStatus, TaskStatus } from '../protocol/messages.ts';
import { canMove, hasCapability, isTerminal } from '../protocol/task-state.ts';
import { emptyCheckStatus } from '../runtime/checks/verdict.ts';
import { count, retire } from './completed-tasks.ts';
import type { Effect } from './effects.ts';
import { podOf } from './pods.ts';
import type { AgentState, TaskRecord } from './state.ts';

/** Milliseconds to the first repetition of what was not acknowledged, and at the most. */
export const firstRetryMs = 10_000;
export const longestRetryMs = 600_000;
/** Updates of a task that wait to be acknowledged, at the most. */
export const longestQueue = 1000;

/** What a command says of a task's new state; the rest of the status is filled in here. */
export type Report = Omit<
  TaskStatus,
  'task_id' | 'agent_id' | 'executor_id' | 'timestamp' | 'uuid' | 'container_status'
>;

export interface Context {
  /** Milliseconds since the epoch. */
  now: number;
  ids: IdSource;
}

/**
 * Queues a status update, in order, each with a uuid of its own. Only the head of a task's queue is sent; it is repeated after 10 s, 20 s …
 * 10 min until it is acknowledged. Source: Mesos' status update protocol. Moves that the table of states does not have are dropped.
 */
export function report(task: TaskRecord, given: Report, { now, ids }: Context): Effect[] {
  const change = explained(task, given);
  if (!canMove(task.state, change.state)) return [];
  task.state = change.state;
  const status: TaskStatus = {
    task_id: task.info.task_id,
    ...change,
    ...checkStatus(task, change),
    agent_id: task.info.agent_id,
    executor_id: task.info.executor?.executor_id ?? { value: task.info.task_id.value },
    timestamp: now / 1000,
    uuid: uuidToBase64(ids.uuid()),
    // Nothing is known of the container of an executor that is over, or of a task that never ran.
    ...(task.executor?.phase === 'ended' || given.reason === 'REASON_TASK_KILLED_DURING_LAUNCH'
      ? {}
      : { container_status: containerStatus(task) }),
  };
  remember(task, status);
  return enqueue(task, status, now);
}

/** As a kill that no framework asked for is told: with its cause; that of a drained task with that reason and, where the agent never comes back, as its end by the operator. */
export function explained<Change extends Report>({ drain, cause, framework }: TaskRecord, change: Change): Change {
  if (change.state !== 'TASK_KILLING' && change.state !== 'TASK_KILLED') return change;
  if (drain === undefined) return { ...change, ...cause };
  const isGone = drain.mark_gone === true && hasCapability(framework, 'PARTITION_AWARE');
  const state = isGone && change.state === 'TASK_KILLED' ? 'TASK_GONE_BY_OPERATOR' : change.state;
  return { ...change, state, reason: 'REASON_AGENT_DRAINING' };
}

/** A task with a check says so from the beginning to the end, also where the check has nothing to say. */
function checkStatus({ info }: TaskRecord, { source, check_status }: Report): Pick<TaskStatus, 'check_status'> {
  if (info.check === undefined || check_status !== undefined || source !== 'SOURCE_EXECUTOR') return {};
  return { check_status: emptyCheckStatus(info.check.type) };
}

/** Keeps the last status of each run of equal states, without its data. */
export function remember({ statuses }: TaskRecord, status: TaskStatus): void {
  const { data: _data, ...kept } = status;
  if (statuses.at(-1)?.state === status.state) statuses.pop();
  statuses.push(kept);
}

/** Lines a status up as it is; it goes out at once when nothing is before it. */
export function enqueue(task: TaskRecord, status: TaskStatus, now: number): Effect[] {
  if (task.orphaned) return [];
  task.queue.push({ status, nextRetry: undefined, interval: firstRetryMs });
  // Of a scheduler that is away for long: what is neither the first nor the last is out of date.
  if (task.queue.length > longestQueue) task.queue.splice(1, 1);
  return task.queue.length === 1 ? sendHead(task, now) : [];
}

export function containerStatus(task: TaskRecord): ContainerStatus {
  const ip_addresses = task.addresses.map(({ protocol, address }) => ({ protocol, ip_address: address }));
  const network_infos = [{ ip_addresses }];
  const pod = podOf(task);
  if (pod === undefined) return { container_id: { value: task.containerId }, network_infos };
  // As recorded: of a nested container that does not run, no more than its id is told.
  const container_id = { value: task.containerId, parent: { value: pod.containerId } };
  return task.phase === 'running' ? { container_id, network_infos } : { container_id };
}

/** The scheduler has the head: the next one goes out. Others' uuids and repeated acknowledgements are passed over. */
export function acknowledged(state: AgentState, task: TaskRecord, uuid: string, now: number): Effect[] {
  if (task.queue[0]?.status.uuid !== uuid) return [];
  const done = task.queue.shift();
  count(state, 'valid_status_updates');
  if (done !== undefined && isTerminal(done.status.state)) {
    task.queue.length = 0;
    forgetWhenOver(state, task);
    return [];
  }
  return sendHead(task, now);
}

/** Whether its scheduler has had its last update: its id may be used again, also while its container is being removed. */
export function isAcknowledged(task: TaskRecord): boolean {
  return isTerminal(task.state) && task.queue.length === 0;
}

/** Whether a task of that key may be launched: there is none, or one that is over for its scheduler, and retired by this. */
export function makeRoom(state: AgentState, key: string): boolean {
  const earlier = state.tasks.get(key);
  if (earlier === undefined) return true;
  if (!isAcknowledged(earlier)) return false;
  retire(state, earlier);
  return true;
}

/** A task is over for the agent when its end is acknowledged and its container gone. */
export function forgetWhenOver(state: AgentState, task: TaskRecord): void {
  if (isAcknowledged(task) && task.released && state.tasks.get(task.key) === task) retire(state, task);
}

/** Sends again what was not acknowledged in time. */
export function retryDue(state: AgentState, now: number): Effect[] {
  return [...state.tasks.values()].flatMap((task) => {
    const head = task.queue[0];
    return head?.nextRetry !== undefined && head.nextRetry <= now ? sendHead(task, now) : [];
  });
}

/** A new link to the master, or a new subscription of one framework: every head goes out at once, with the first interval again. */
export function resendAll(state: AgentState, now: number, framework?: string): Effect[] {
  return [...state.tasks.values()].flatMap((task) => {
    if (framework !== undefined && framework !== task.framework.id?.value) return [];
    const head = task.queue[0];
    if (head !== undefined) head.interval = firstRetryMs;
    return sendHead(task, now);
  });
}

function sendHead(task: TaskRecord, now: number): Effect[] {
  const head = task.queue[0];
  if (head === undefined) return [];
  head.nextRetry = now + head.interval;
  head.interval = Math.min(head.interval * 2, longestRetryMs);
  const framework_id = task.framework.id?.value ?? '';
  return [
    { kind: 'sendToMaster', message: { type: 'UPDATE', framework_id, status: head.status, latest_state: task.state } },
  ];
}
