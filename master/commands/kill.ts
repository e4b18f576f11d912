import { asAgentId, asTaskId } from '../../protocol/ids.ts';
import type { SchedulerCallKill } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Effect, log, sendToAgent } from '../effects.ts';
import type { Framework, MasterState } from '../state.ts';
import { reconcile } from './reconcile.ts';

/** KILL: forwarded to the agent. For a task that is not known it answers as an explicit reconciliation would. */
export function kill(state: MasterState, framework: Framework, call: SchedulerCallKill, now: number): Effect[] {
  const { task_id, agent_id, kill_policy } = call;
  const task = framework.tasks.get(asTaskId(task_id.value));
  if (task === undefined)
    return reconcile(state, framework, { tasks: [{ task_id, ...(agent_id && { agent_id }) }] }, now);
  if (agent_id !== undefined && agent_id.value !== task.agent_id.value) {
    const fields = { task: task_id.value, agent: agent_id.value };
    return [log('KILL dropped: the task is not on that agent', fields, 'warn')];
  }
  const agent = state.agents.get(asAgentId(task.agent_id.value));
  if (agent === undefined) return [];
  if (!isTerminal(task.state)) agent.pendingKills.set(`${framework.id}/${task_id.value}`, kill_policy);
  const message = { type: 'KILL_TASK', framework_id: framework.id, task_id: task_id.value } as const;
  return [sendToAgent(agent.id, kill_policy === undefined ? message : { ...message, kill_policy })];
}
