import { type AgentId, asFrameworkId, asTaskId } from '../../protocol/ids.ts';
import type { Task, TaskState, TaskStatusReason } from '../../protocol/messages.ts';
import { isTerminal, partitionState } from '../../protocol/task-state.ts';
import { allocateSoon, announce, type Effect, log, sendEvent } from '../effects.ts';
import type { Agent, Framework, MasterState } from '../state.ts';
import { rescindOffer } from './offers.ts';
import { masterStatus, recordStatus, updateEvent } from './statuses.ts';
import { completeTask, releaseResources } from './tasks.ts';

interface Loss {
  /** What partition-aware frameworks are told; the others hear TASK_LOST. */
  aware: TaskState;
  reason: TaskStatusReason;
  message: string;
}

/** The agent does not answer any more. It may come back with its tasks. */
export function markUnreachable(state: MasterState, id: AgentId, now: number): Effect[] {
  const agent = state.agents.get(id);
  if (agent === undefined) return [];
  state.unreachableAgents.set(id, { agent, since: now });
  const loss: Loss = { aware: 'TASK_UNREACHABLE', reason: 'REASON_AGENT_REMOVED', message: 'health check timed out' };
  return [
    ...loseAgent(state, agent, loss, now),
    log('agent is unreachable', { id, hostname: agent.info.hostname }, 'warn'),
  ];
}

/** The agent left for good. */
export function removeAgent(state: MasterState, id: AgentId, now: number): Effect[] {
  const agent = state.agents.get(id);
  if (agent === undefined) return [];
  const message = `Agent ${agent.info.hostname} removed: the agent unregistered`;
  const loss: Loss = { aware: 'TASK_LOST', reason: 'REASON_AGENT_REMOVED', message };
  return [
    ...loseAgent(state, agent, loss, now),
    // Agents that are unreachable or gone are none of these news: Mesos announces removed ones alone.
    announce({ type: 'AGENT_REMOVED', agent }),
    log('agent unregistered', { id, hostname: agent.info.hostname }),
  ];
}

function loseAgent(state: MasterState, agent: Agent, loss: Loss, now: number): Effect[] {
  const effects = [...agent.offers].flatMap((offer) => rescindOffer(state, offer, now));
  for (const task of agent.tasks.values()) effects.push(...loseTask(state, task, loss, now));
  agent.connected = false;
  state.allocator.removeAgent(agent.id);
  state.agents.delete(agent.id);
  for (const framework of state.frameworks.values()) {
    if (!framework.connected) continue;
    effects.push(sendEvent(framework.id, { type: 'FAILURE', failure: { agent_id: { value: agent.id } } }));
  }
  return [...effects, { kind: 'endLink', agent: agent.id }, allocateSoon];
}

function loseTask(state: MasterState, task: Task, loss: Loss, now: number): Effect[] {
  const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
  if (framework === undefined) return [];
  if (isTerminal(task.state)) {
    completeTask(state, framework, task);
    return [];
  }
  releaseResources(state, framework, task, now);
  task.state = partitionState(framework.info, loss.aware);
  const status = masterStatus(
    {
      task: task.task_id.value,
      agent: task.agent_id.value,
      state: task.state,
      reason: loss.reason,
      message: loss.message,
    },
    now,
  );
  if (task.state === 'TASK_UNREACHABLE') status.unreachable_time = { nanoseconds: now * 1e6 };
  const news = recordStatus(framework, task, status);
  park(state, framework, task, loss);
  return [sendEvent(framework.id, updateEvent(status)), ...news];
}

function park(state: MasterState, framework: Framework, task: Task, loss: Loss): void {
  if (loss.aware !== 'TASK_UNREACHABLE') {
    completeTask(state, framework, task);
    return;
  }
  const id = asTaskId(task.task_id.value);
  framework.tasks.delete(id);
  framework.unreachableTasks.set(id, task);
}
