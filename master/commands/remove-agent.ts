import { type AgentId, asFrameworkId, asTaskId } from '../../protocol/ids.ts';
import type { OperationState, Task, TaskState, TaskStatusReason } from '../../protocol/messages.ts';
import { isTerminal, partitionState } from '../../protocol/task-state.ts';
import { allocateSoon, announce, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { count } from '../metrics.ts';
import { absent, gone as goneEntry, type RegistryEntry, record, unreachable } from '../registry/entries.ts';
import type { Agent, Framework, MasterState } from '../state.ts';
import { releaseWork } from './adopt-work.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import { rescindOffer } from './offers.ts';
import { frameworkOf, isFinal, tell } from './operations.ts';
import { masterStatus, recordStatus, updateEvent } from './statuses.ts';
import { completeTask, releaseResources } from './tasks.ts';

interface Loss {
  /** What partition-aware frameworks are told; the others hear TASK_LOST and REASON_AGENT_REMOVED. */
  aware: TaskState;
  reason: TaskStatusReason;
  message: string;
  operation: OperationState;
  /** Which tasks are kept as unreachable. */
  kept: 'all' | 'lost' | 'none';
}

const gone: Loss = {
  aware: 'TASK_GONE_BY_OPERATOR',
  reason: 'REASON_AGENT_REMOVED_BY_OPERATOR',
  message: 'Agent has been marked gone',
  operation: 'OPERATION_GONE_BY_OPERATOR',
  // As Mesos has it: only who is told that the agent is gone may take the task for over.
  kept: 'lost',
};

/** The agent does not answer any more. It may come back with its tasks. */
export function markUnreachable(state: MasterState, id: AgentId, now: number): Effect[] {
  const agent = state.agents.get(id);
  if (agent === undefined) return [];
  state.unreachableAgents.set(id, { agent, since: now });
  countRemoval(state, 'unhealthy');
  const loss: Loss = {
    aware: 'TASK_UNREACHABLE',
    reason: 'REASON_AGENT_REMOVED',
    message: 'health check timed out',
    operation: 'OPERATION_UNREACHABLE',
    kept: 'all',
  };
  return [
    record(absent('agents', id), unreachable(agent, now)),
    ...loseAgent(state, agent, loss, now),
    log('agent is unreachable', { id, hostname: agent.info.hostname }, 'warn'),
  ];
}

/** MARK_AGENT_GONE: the agent never comes back, and must end if it still runs. Undefined when there was never such an agent. */
export function markGone(state: MasterState, id: AgentId, now: number): Effect[] | undefined {
  if (state.goneAgents.has(id)) return [];
  const agent = state.agents.get(id);
  const isMissing = state.recovery.agents.delete(id);
  if (agent === undefined && !isMissing && !state.unreachableAgents.has(id)) return undefined;
  state.goneAgents.set(id, now);
  const kept = record(absent('agents', id), absent('unreachable', id), goneEntry(id, now));
  const marked = log('agent is marked gone', { id }, 'warn');
  if (isMissing) return [kept, ...tellFailure(state, id), marked];
  if (agent === undefined) {
    state.unreachableAgents.delete(id);
    return [kept, ...endUnreachableTasks(state, id, now), marked];
  }
  countRemoval(state, undefined);
  const shutdown = sendToAgent(id, { type: 'SHUTDOWN', message: gone.message });
  return [kept, shutdown, ...loseAgent(state, agent, gone, now), marked];
}

/** The agent left for good. `cause` is said to the frameworks. */
export function removeAgent(state: MasterState, id: AgentId, now: number, cause = 'the agent unregistered'): Effect[] {
  const agent = state.agents.get(id);
  if (agent === undefined) return [];
  const message = `Agent ${agent.info.hostname} removed: ${cause}`;
  countRemoval(state, 'unregistered');
  const operation = 'OPERATION_UNKNOWN';
  const loss: Loss = { aware: 'TASK_LOST', reason: 'REASON_AGENT_REMOVED', message, operation, kept: 'none' };
  return [
    record(absent('agents', id)),
    ...loseAgent(state, agent, loss, now),
    // Agents that are unreachable or gone are none of these news: Mesos announces removed ones alone.
    announce({ type: 'AGENT_REMOVED', agent }),
    log('agent removed', { id, hostname: agent.info.hostname, cause }),
  ];
}

function countRemoval(state: MasterState, reason: 'unhealthy' | 'unregistered' | undefined): void {
  count(state, 'master/slave_removals');
  if (reason !== undefined) count(state, `master/slave_removals/reason_${reason}`);
}

function loseAgent(state: MasterState, agent: Agent, loss: Loss, now: number): Effect[] {
  const effects = [...agent.tasks.values()].flatMap((task) => loseTask(state, task, loss, now));
  for (const offer of agent.offers) effects.push(...rescindOffer(state, offer, 'AGENT_LOST', now));
  effects.push(...rescindInverseOffers(state, agent));
  releaseWork(state, agent, now);
  effects.push(...loseOperations(state, agent, loss));
  agent.connected = false;
  state.allocator.removeAgent(agent.id);
  state.agents.delete(agent.id);
  effects.push(...tellFailure(state, agent.id));
  return [...effects, { kind: 'endLink', agent: agent.id }, allocateSoon];
}

/** All frameworks that are connected hear that an agent is lost. */
export function tellFailure(state: MasterState, id: AgentId): Effect[] {
  return [...state.frameworks.values()]
    .filter(({ connected }) => connected)
    .map((framework) => sendEvent(framework.id, { type: 'FAILURE', failure: { agent_id: { value: id } } }));
}

/** Frameworks hear that the outcome of an operation is out of reach. The agent may come back with it. */
function loseOperations(state: MasterState, agent: Agent, loss: Loss): Effect[] {
  return [...agent.operations.values()].flatMap((operation) => {
    const framework = frameworkOf(state, operation);
    const { id } = operation.info;
    if (framework === undefined || id === undefined) return [];
    framework.operations.delete(id.value);
    if (isFinal(operation.latest_status.state)) return [];
    const { operation: outcome, message } = loss;
    return tell(framework, { operation_id: id, state: outcome, message, agent_id: { value: agent.id } });
  });
}

function loseTask(state: MasterState, task: Task, loss: Loss, now: number): Effect[] {
  const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
  if (framework === undefined) return [];
  if (isTerminal(task.state)) {
    // Its end is not acknowledged: should the agent come back, that must not be taken for known.
    delete task.status_update_uuid;
    completeTask(state, framework, task);
    return [];
  }
  releaseResources(state, framework, task, now);
  const effects = tellLoss(framework, task, loss, now);
  if (loss.kept === 'all' || (loss.kept === 'lost' && task.state === 'TASK_LOST')) park(state, framework, task);
  else completeTask(state, framework, task);
  return effects;
}

function tellLoss(framework: Framework, task: Task, loss: Loss, now: number): Effect[] {
  task.state = partitionState(framework.info, loss.aware);
  const reason = task.state === 'TASK_LOST' ? 'REASON_AGENT_REMOVED' : loss.reason;
  const { task_id, agent_id } = task;
  const change = { task: task_id.value, agent: agent_id.value, state: task.state, reason, message: loss.message };
  const status = masterStatus(change, now);
  if (task.state === 'TASK_UNREACHABLE') status.unreachable_time = { nanoseconds: now * 1e6 };
  const news = recordStatus(framework, task, status);
  return [sendEvent(framework.id, updateEvent(status)), ...news];
}

function park(state: MasterState, framework: Framework, task: Task): void {
  const id = asTaskId(task.task_id.value);
  framework.tasks.delete(id);
  framework.unreachableTasks.set(id, task);
  const [oldest] = framework.unreachableTasks.keys();
  const surplus = framework.unreachableTasks.size > state.settings.maxUnreachableTasksPerFramework;
  if (surplus && oldest !== undefined) framework.unreachableTasks.delete(oldest);
}

/** Those who were told TASK_LOST know the end already. */
function endUnreachableTasks(state: MasterState, agent: AgentId, now: number): Effect[] {
  const effects: Effect[] = [];
  for (const framework of state.frameworks.values()) {
    for (const [id, task] of framework.unreachableTasks) {
      if (task.agent_id.value !== agent || task.state !== 'TASK_UNREACHABLE') continue;
      effects.push(...tellLoss(framework, task, gone, now));
      framework.unreachableTasks.delete(id);
      completeTask(state, framework, task);
    }
  }
  return effects;
}

/** Unreachable and gone agents are not remembered for ever, nor are tasks of unreachable ones. */
export function forgetLostAgents(state: MasterState, now: number): Effect[] {
  const forgotten: RegistryEntry[] = [];
  const { maxLostAgents, maxLostAgentAge } = state.settings;
  const earliest = now - maxLostAgentAge * 1000;
  for (const [id, since] of state.goneAgents) {
    if (since > earliest && state.goneAgents.size <= maxLostAgents) break;
    state.goneAgents.delete(id);
    forgotten.push(absent('gone', id));
    forgetTasks(state, id);
  }
  for (const [id, { since }] of state.unreachableAgents) {
    if (since > earliest && state.unreachableAgents.size <= maxLostAgents) break;
    state.unreachableAgents.delete(id);
    forgotten.push(absent('unreachable', id));
    forgetTasks(state, id);
  }
  return forgotten.length === 0 ? [] : [{ kind: 'record', entries: forgotten }];
}

function forgetTasks(state: MasterState, agent: AgentId): void {
  for (const { unreachableTasks } of state.frameworks.values()) {
    for (const [task, { agent_id }] of unreachableTasks) if (agent_id.value === agent) unreachableTasks.delete(task);
  }
}
