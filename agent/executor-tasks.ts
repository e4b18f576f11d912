import type { ExecutorEvent, Resource, TaskInfo } from '../protocol/messages.ts';
import { normalize } from '../protocol/resources.ts';
import { isTerminal } from '../protocol/task-state.ts';
import type { Effect } from './effects.ts';
import type { AgentState, ExecutorRecord, QueuedLaunch, Run, TaskRecord } from './state.ts';

/** All tasks of an executor that are not over for their scheduler: those that it knows of, then those that it does not. */
export function tasksOf(executor: ExecutorRecord): TaskRecord[] {
  return [...executor.launched, ...executor.queued.flatMap(({ tasks }) => tasks)];
}

/** The executor in whose container a task runs, where it has none of its own. */
export function hostOf(task: TaskRecord): ExecutorRecord | undefined {
  const { executor } = task;
  return executor?.containerId === task.containerId ? executor : undefined;
}

/** Executors, and tasks that count as one because they have none. */
export function runsOf(state: AgentState): Run[] {
  const alone = [...state.tasks.values()].filter((task) => task.executor === undefined);
  return [...alone, ...state.executors.values()];
}

/** What executors and tasks hold now. */
export function resourcesInUse(state: AgentState): Resource[] {
  const tasks = [...state.tasks.values()].filter((task) => !isTerminal(task.state));
  return normalize([...tasks, ...state.executors.values()].flatMap(({ info }) => info.resources ?? []));
}

/** What a container holds now. Normal form. */
export function resourcesOf(run: Run): Resource[] {
  return run.kind === 'executor' ? resourcesHeld(run) : normalize(run.info.resources ?? []);
}

/** What an executor holds now: its own resources and those of its tasks that are not over. Normal form. */
export function resourcesHeld(executor: ExecutorRecord): Resource[] {
  const running = tasksOf(executor).filter(({ state }) => !isTerminal(state));
  return normalize([...(executor.info.resources ?? []), ...running.flatMap(({ info }) => info.resources ?? [])]);
}

/** Tells an executor of the tasks that wait for it, if it listens. */
export function handOver(executor: ExecutorRecord): Effect[] {
  if (!executor.connected || executor.stage !== 'running') return [];
  if (executor.queued.length > 0) executor.hadTasks = true;
  return executor.queued.splice(0).map((launch): Effect => {
    for (const task of launch.tasks) executor.launched.add(task);
    return tell(executor, launchEvent(executor, launch));
  });
}

/** Seconds between SHUTDOWN and the end of an executor: its own, else the agent's. */
export function shutdownGrace(ofAgent: number, { info }: Pick<ExecutorRecord, 'info'>): number {
  const nanoseconds = info.shutdown_grace_period?.nanoseconds;
  return nanoseconds === undefined ? ofAgent : Number(nanoseconds) / 1e9;
}

export function tell(executor: ExecutorRecord, event: ExecutorEvent): Effect {
  return { kind: 'sendToExecutor', executor, event };
}

function launchEvent(executor: ExecutorRecord, launch: QueuedLaunch): ExecutorEvent {
  const tasks = launch.tasks.map(({ info }): TaskInfo => ({ ...info, executor: executor.info }));
  const [only] = tasks;
  if (only !== undefined && !launch.grouped) return { type: 'LAUNCH', launch: { task: only } };
  return { type: 'LAUNCH_GROUP', launch_group: { task_group: { tasks } } };
}
