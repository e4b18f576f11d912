import type { AgentState, ExecutorRecord, Run, TaskRecord } from './state.ts';

// As many as Mesos' agent remembers.
const mostCompletedFrameworks = 50;
const mostCompletedRuns = 150;
export const mostCompletedTasks = 200;

/** One more of a metric, e.g. `valid_status_updates`. */
export function count(state: AgentState, name: string): void {
  state.counters.set(name, (state.counters.get(name) ?? 0) + 1);
}

/** The agent is done with a task; it is remembered among the completed ones if it ever had a sandbox. */
export function retire(state: AgentState, task: TaskRecord): void {
  state.tasks.delete(task.key);
  for (const name of endedAs(task)) count(state, name);
  const { executor } = task;
  if (executor !== undefined) {
    executor.launched.delete(task);
    executor.completed.push(task);
    if (executor.completed.length > mostCompletedTasks) executor.completed.shift();
  } else if (task.sandbox !== '') {
    complete(state, task);
  }
}

/** An executor is over; its tasks may still wait for their acknowledgement. */
export function retireExecutor(state: AgentState, executor: ExecutorRecord): void {
  if (state.executors.get(executor.key) === executor) state.executors.delete(executor.key);
  count(state, 'executors_terminated');
  complete(state, executor);
}

function complete(state: AgentState, run: Run): void {
  const framework = run.framework.id?.value ?? '';
  const runs = [...(state.completed.get(framework) ?? []), run].slice(-mostCompletedRuns);
  state.completed.delete(framework);
  state.completed.set(framework, runs);
  for (const oldest of state.completed.keys()) {
    if (state.completed.size <= mostCompletedFrameworks) return;
    state.completed.delete(oldest);
  }
}

/** What a task counts as in the metrics once it is over. */
export function endedAs(task: TaskRecord): string[] {
  const failed = task.statuses.at(-1)?.reason === 'REASON_CONTAINER_LAUNCH_FAILED';
  return [
    task.state.replace('TASK_', 'tasks_').toLowerCase(),
    ...(task.executor === undefined ? ['executors_terminated'] : []),
    ...(failed ? ['container_launch_errors'] : []),
  ];
}
