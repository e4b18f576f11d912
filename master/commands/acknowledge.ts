import { asAgentId, asTaskId } from '../../protocol/ids.ts';
import type { SchedulerCallAcknowledge } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Effect, log, sendToAgent } from '../effects.ts';
import { count } from '../metrics.ts';
import type { Framework, MasterState } from '../state.ts';
import { settleDrain } from './drain.ts';
import { completeTask } from './tasks.ts';

/** ACKNOWLEDGE: forwarded to the agent; that of the last forwarded terminal update ends the task's life. */
export function acknowledge(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallAcknowledge,
  now: number,
): Effect[] {
  const agent = state.agents.get(asAgentId(call.agent_id.value));
  if (agent === undefined || !agent.connected) {
    count(state, 'master/invalid_status_update_acknowledgements');
    return [log('ACKNOWLEDGE dropped: no such agent', { agent: call.agent_id.value }, 'warn')];
  }
  const task = framework.tasks.get(asTaskId(call.task_id.value));
  if (task !== undefined && task.status_update_uuid === undefined) {
    count(state, 'master/invalid_status_update_acknowledgements');
    return [log('ACKNOWLEDGE dropped: no update was forwarded', { task: call.task_id.value }, 'warn')];
  }
  const last = task?.status_update_uuid === call.uuid && task.status_update_state !== undefined;
  if (task !== undefined && last && isTerminal(task.status_update_state ?? task.state))
    completeTask(state, framework, task);
  count(state, 'master/valid_status_update_acknowledgements');
  const { task_id, uuid } = call;
  const message = { type: 'ACKNOWLEDGE', framework_id: framework.id, task_id: task_id.value, uuid } as const;
  return [sendToAgent(agent.id, message), ...settleDrain(state, agent, now)];
}
