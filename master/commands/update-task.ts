import { type AgentId, asFrameworkId, asTaskId, type FrameworkId } from '../../protocol/ids.ts';
import type { Task, TaskState, TaskStatus } from '../../protocol/messages.ts';
import { allocateSoon, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { count } from '../metrics.ts';
import type { Framework, MasterState } from '../state.ts';
import { recordStatus, updateEvent } from './statuses.ts';
import { moveTask } from './tasks.ts';

/** A status update of an agent: recorded, and forwarded while the framework is subscribed. The agent repeats it until it is acknowledged. */
export function updateTask(
  state: MasterState,
  agentId: AgentId,
  update: { framework_id: string; status: TaskStatus; latest_state: TaskState },
  now: number,
): Effect[] {
  const framework = state.frameworks.get(asFrameworkId(update.framework_id));
  const { status } = update;
  count(state, 'master/messages_status_update');
  if (framework === undefined || !state.agents.has(agentId)) {
    count(state, 'master/invalid_status_updates');
    const fields = { framework: update.framework_id, agent: agentId, task: status.task_id.value };
    return [log('update of an unknown framework or agent dropped', fields, 'warn')];
  }
  const task = framework.tasks.get(asTaskId(status.task_id.value));
  const valid = task !== undefined && task.agent_id.value === agentId;
  count(state, valid ? 'master/valid_status_updates' : 'master/invalid_status_updates');
  if (task !== undefined && !valid) return dismiss(agentId, framework.id, status);
  if (task === undefined && isKnownEnd(framework, status)) return [acknowledgeAgain(agentId, framework.id, status)];
  const effects: Effect[] = framework.connected ? [sendEvent(framework.id, updateEvent(status))] : [];
  if (task === undefined) return effects;
  if (moveTask(state, framework, task, update.latest_state, now)) {
    state.agents.get(agentId)?.pendingKills.delete(`${framework.id}/${status.task_id.value}`);
    effects.push(allocateSoon);
  }
  task.status_update_state = status.state;
  if (status.uuid !== undefined) task.status_update_uuid = status.uuid;
  return [...effects, ...recordStatus(framework, task, status)];
}

/** Its framework has acknowledged it, which the agent has not heard. */
function isKnownEnd({ completedTasks }: Framework, { task_id, uuid }: TaskStatus): boolean {
  const isSame = (task: Task) => task.task_id.value === task_id.value && task.status_update_uuid === uuid;
  return uuid !== undefined && completedTasks.some(isSame);
}

function acknowledgeAgain(agent: AgentId, framework_id: FrameworkId, { task_id, uuid = '' }: TaskStatus): Effect {
  return sendToAgent(agent, { type: 'ACKNOWLEDGE', framework_id, task_id: task_id.value, uuid });
}

/** The id runs on another agent by now; what this one says concerns an earlier task of that name, which nobody waits for. */
function dismiss(agent: AgentId, framework: FrameworkId, status: TaskStatus): Effect[] {
  const fields = { task: status.task_id.value, agent };
  const dropped = log('update of a task that runs elsewhere dropped', fields, 'warn');
  return status.uuid === undefined ? [dropped] : [dropped, acknowledgeAgain(agent, framework, status)];
}
