import { asAgentId, asTaskId } from '../../protocol/ids.ts';
import type { Task, TaskState } from '../../protocol/messages.ts';
import { normalize } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Framework, type MasterState, roleOfTask, taskKey } from '../state.ts';

/** Moves a task to a state; the step into a terminal one gives its resources back. Whether resources came free. */
export function moveTask(state: MasterState, framework: Framework, task: Task, next: TaskState, now: number): boolean {
  if (isTerminal(task.state)) return false;
  task.state = next;
  if (isTerminal(next)) releaseResources(state, framework, task, now);
  return isTerminal(next);
}

export function releaseResources(state: MasterState, framework: Framework, task: Task, now: number): void {
  const agent = asAgentId(task.agent_id.value);
  const role = roleOfTask(task, framework.info);
  const resources = normalize(task.resources ?? []);
  state.allocator.recover({ framework: framework.id, role, agent, resources }, undefined, now);
}

/** Takes a terminal task out of the active ones and keeps it among the completed. */
export function completeTask(state: MasterState, framework: Framework, task: Task): void {
  framework.tasks.delete(asTaskId(task.task_id.value));
  const key = taskKey(framework.id, task.task_id.value);
  const agent = state.agents.get(asAgentId(task.agent_id.value));
  agent?.tasks.delete(key);
  agent?.pendingKills.delete(key);
  framework.completedTasks.push(task);
  const surplus = framework.completedTasks.length - state.settings.maxCompletedTasksPerFramework;
  if (surplus > 0) framework.completedTasks.splice(0, surplus);
}
