import { asAgentId, asTaskId } from '../../protocol/ids.ts';
import type { SchedulerCallKill, Task } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Effect, log, sendToAgent } from '../effects.ts';
import { type Agent, type Framework, type Kill, type MasterState, taskKey } from '../state.ts';
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
  return sendKill(agent, task, kill_policy === undefined ? {} : { kill_policy });
}

/** Has the agent kill a task; told again when the agent comes back before that is done. */
export function sendKill(agent: Agent, { framework_id, task_id, state }: Task, kill: Kill): Effect[] {
  const key = taskKey(framework_id.value, task_id.value);
  const known = agent.pendingKills.get(key);
  if (!isTerminal(state)) agent.pendingKills.set(key, { ...(known?.cause && { cause: known.cause }), ...kill });
  const message = { type: 'KILL_TASK', framework_id: framework_id.value, task_id: task_id.value, ...kill } as const;
  return [sendToAgent(agent.id, message)];
}
