import type { AgentState, TaskRecord } from './state.ts';

// As many as Mesos' agent remembers.
const mostCompletedFrameworks = 50;
const mostCompletedTasks = 150;

/** One more of a metric, e.g. `valid_status_updates`. */
export function count(state: AgentState, name: string): void {
  state.counters.set(name, (state.counters.get(name) ?? 0) + 1);
}

/** The agent is done with a task; it is remembered among the completed ones if it ever had a sandbox. */
export function retire(state: AgentState, task: TaskRecord): void {
  state.tasks.delete(task.key);
  for (const name of endedAs(task)) count(state, name);
  if (task.sandbox === '') return;
  const framework = task.framework.id?.value ?? '';
  const tasks = [...(state.completed.get(framework) ?? []), task].slice(-mostCompletedTasks);
  state.completed.delete(framework);
  state.completed.set(framework, tasks);
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
    'executors_terminated',
    ...(failed ? ['container_launch_errors'] : []),
  ];
}
