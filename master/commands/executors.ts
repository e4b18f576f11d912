import { type AgentId, asAgentId, asFrameworkId } from '../../protocol/ids.ts';
import type { SchedulerCallMessage, SchedulerCallShutdown } from '../../protocol/messages.ts';
import { normalize } from '../../protocol/resources.ts';
import { allocateSoon, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { count } from '../metrics.ts';
import { type Agent, type Framework, type MasterState, roleOfExecutor, taskKey } from '../state.ts';

/** SHUTDOWN: the agent ends the executor; dropped when there is no such agent. */
export function shutdownExecutor(state: MasterState, framework: Framework, call: SchedulerCallShutdown): Effect[] {
  const agent = asAgentId(call.agent_id.value);
  const executor_id = call.executor_id.value;
  if (!state.agents.has(agent))
    return [log('SHUTDOWN dropped: no such agent', { agent, executor: executor_id }, 'warn')];
  return [sendToAgent(agent, { type: 'SHUTDOWN_EXECUTOR', framework_id: framework.id, executor_id })];
}

/** MESSAGE: handed to the executor if its agent can be reached; nobody hears of it when it cannot. */
export function messageExecutor(state: MasterState, framework: Framework, call: SchedulerCallMessage): Effect[] {
  const id = asAgentId(call.agent_id.value);
  const executor_id = call.executor_id.value;
  if (state.agents.get(id)?.connected !== true) {
    count(state, 'master/invalid_framework_to_executor_messages');
    return [log('MESSAGE dropped: the agent cannot be reached', { agent: id, executor: executor_id }, 'warn')];
  }
  count(state, 'master/valid_framework_to_executor_messages');
  const { data } = call;
  return [sendToAgent(id, { type: 'FRAMEWORK_MESSAGE', framework_id: framework.id, executor_id, data })];
}

interface ExecutorName {
  framework_id: string;
  executor_id: string;
}

/** An executor says something to its framework: MESSAGE, best effort. */
export function messageFramework(
  state: MasterState,
  agent: AgentId,
  message: ExecutorName & { data: string },
): Effect[] {
  const { framework_id, executor_id, data } = message;
  count(state, 'master/messages_executor_to_framework');
  const framework = state.frameworks.get(asFrameworkId(framework_id));
  if (framework === undefined || !framework.connected) {
    count(state, 'master/invalid_executor_to_framework_messages');
    return [log('message of an executor dropped: its framework is away', { framework: framework_id, agent }, 'warn')];
  }
  count(state, 'master/valid_executor_to_framework_messages');
  const content = { agent_id: { value: agent }, executor_id: { value: executor_id }, data };
  return [sendEvent(framework.id, { type: 'MESSAGE', message: content })];
}

/** An executor is over: what it held is free, and its framework is told. Executors of single commands are none of its business. */
export function endExecutor(
  state: MasterState,
  agentId: AgentId,
  message: ExecutorName & { status: number },
  now: number,
): Effect[] {
  const { framework_id, executor_id, status } = message;
  count(state, 'master/messages_exited_executor');
  const agent = state.agents.get(agentId);
  if (agent === undefined || !releaseExecutor(state, agent, taskKey(framework_id, executor_id), now)) return [];
  const failure = { agent_id: { value: agentId }, executor_id: { value: executor_id }, status };
  return [sendEvent(asFrameworkId(framework_id), { type: 'FAILURE', failure }), allocateSoon];
}

/** Takes an executor out of the books and gives its resources back; whether there was one. */
export function releaseExecutor(state: MasterState, agent: Agent, key: string, now: number): boolean {
  const executor = agent.executors.get(key);
  if (executor === undefined) return false;
  agent.executors.delete(key);
  const framework = state.frameworks.get(asFrameworkId(executor.framework_id?.value ?? ''));
  const resources = normalize(executor.resources ?? []);
  if (framework === undefined || resources.length === 0) return true;
  const role = roleOfExecutor(executor, framework.info);
  state.allocator.recover({ framework: framework.id, role, agent: agent.id, resources }, undefined, now);
  return true;
}
