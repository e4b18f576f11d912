import { type AgentId, asFrameworkId, asTaskId, type FrameworkId } from '../../protocol/ids.ts';
import type { TaskState, TaskStatus } from '../../protocol/messages.ts';
import { allocateSoon, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import type { MasterState } from '../state.ts';
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
  if (framework === undefined) {
    return [log('update of an unknown framework dropped', { framework: update.framework_id, agent: agentId }, 'warn')];
  }
  const task = framework.tasks.get(asTaskId(status.task_id.value));
  if (task !== undefined && task.agent_id.value !== agentId) return dismiss(agentId, framework.id, status);
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

/** The id runs on another agent by now; what this one says concerns an earlier task of that name, which nobody waits for. */
function dismiss(agent: AgentId, framework: FrameworkId, status: TaskStatus): Effect[] {
  const { task_id, uuid } = status;
  const dropped = log('update of a task that runs elsewhere dropped', { task: task_id.value, agent }, 'warn');
  if (uuid === undefined) return [dropped];
  return [dropped, sendToAgent(agent, { type: 'ACKNOWLEDGE', framework_id: framework, task_id: task_id.value, uuid })];
}
