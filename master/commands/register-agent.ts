import type { AgentSubscription } from '../../protocol/agent-link.ts';
import { type AgentId, asAgentId, asFrameworkId, asTaskId } from '../../protocol/ids.ts';
import type { FrameworkInfo, Task } from '../../protocol/messages.ts';
import { invalidResources } from '../../protocol/resource-validation.ts';
import { normalize } from '../../protocol/resources.ts';
import { hasCapability, isTerminal } from '../../protocol/task-state.ts';
import { allocateSoon, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { type Agent, type Framework, type MasterState, roleOfTask, taskKey } from '../state.ts';
import { discardOffer } from './offers.ts';
import { masterStatus, updateEvent } from './statuses.ts';
import { emptyFramework } from './subscribe.ts';

export type Registration = { refusal: string } | { agent: AgentId; effects: Effect[] };

/**
 * An agent that is new, or back: after a break of its link, after its own restart, or after that of the master.
 * What it says that it runs is the truth; tasks that only the master knows are asked for.
 */
export function registerAgent(state: MasterState, subscription: AgentSubscription, now: number): Registration {
  const wrong = invalidResources(subscription.agent.resources ?? []);
  if (wrong !== undefined) return { refusal: wrong };
  const given = subscription.agent.id?.value;
  const id = asAgentId(given ?? `${state.master.id}-S${state.counters.agent++}`);
  const known = state.agents.get(id);
  const wasUnreachable = state.unreachableAgents.delete(id);
  if (known !== undefined) forget(state, known, now);
  const agent = newAgent(id, subscription, known, now);
  state.agents.set(id, agent);
  state.allocator.addAgent(id, agent.total);
  const effects = subscription.tasks.flatMap((task) =>
    adoptTask(state, agent, task, subscription.frameworks, wasUnreachable, now),
  );
  return {
    agent: id,
    effects: [
      sendToAgent(id, {
        type: 'REGISTERED',
        agent_id: id,
        master_id: state.master.id,
        ping_timeout_seconds: state.settings.agentPingTimeout,
      }),
      ...effects,
      ...askForMissing(state, known, agent),
      ...repeatKills(agent),
      log(known === undefined ? 'agent registered' : 'agent registered again', { id, hostname: agent.info.hostname }),
      allocateSoon,
    ],
  };
}

function newAgent(id: AgentId, subscription: AgentSubscription, known: Agent | undefined, now: number): Agent {
  return {
    id,
    info: { ...subscription.agent, id: { value: id } },
    address: subscription.address,
    version: subscription.version,
    connected: true,
    registeredAt: known?.registeredAt ?? now,
    reregisteredAt: known === undefined ? undefined : now,
    heardAt: now,
    total: normalize(subscription.agent.resources ?? []),
    attributes: subscription.agent.attributes ?? [],
    offers: new Set(),
    tasks: new Map(),
    pendingKills: known?.pendingKills ?? new Map(),
  };
}

/** The agent's books are opened anew. */
function forget(state: MasterState, agent: Agent, now: number): void {
  for (const offer of agent.offers) discardOffer(state, offer, now);
  for (const task of agent.tasks.values()) {
    if (isTerminal(task.state)) continue;
    const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
    if (framework === undefined) continue;
    const resources = normalize(task.resources ?? []);
    const role = roleOfTask(task, framework.info);
    state.allocator.recover({ framework: framework.id, role, agent: agent.id, resources }, undefined, now);
  }
  state.allocator.removeAgent(agent.id);
}

function adoptTask(
  state: MasterState,
  agent: Agent,
  reported: Task,
  frameworks: FrameworkInfo[],
  wasUnreachable: boolean,
  now: number,
): Effect[] {
  const id = asFrameworkId(reported.framework_id.value);
  if (state.completedFrameworks.has(id))
    return [sendToAgent(agent.id, { type: 'SHUTDOWN_FRAMEWORK', framework_id: id })];
  const framework = state.frameworks.get(id) ?? recoverFramework(state, id, frameworks, now);
  if (framework === undefined) return [sendToAgent(agent.id, { type: 'SHUTDOWN_FRAMEWORK', framework_id: id })];
  const taskId = asTaskId(reported.task_id.value);
  const before = framework.tasks.get(taskId) ?? framework.unreachableTasks.get(taskId);
  const task: Task = { ...reported, statuses: before?.statuses ?? reported.statuses };
  framework.unreachableTasks.delete(taskId);
  framework.tasks.set(taskId, task);
  agent.tasks.set(taskKey(id, taskId), task);
  if (isTerminal(task.state)) return [];
  const resources = normalize(task.resources ?? []);
  state.allocator.charge({ framework: id, role: roleOfTask(task, framework.info), agent: agent.id, resources });
  return wasUnreachable || before === undefined ? [tellReturn(framework, task, wasUnreachable, now)] : [];
}

function tellReturn(framework: Framework, task: Task, wasUnreachable: boolean, now: number): Effect {
  const message = wasUnreachable ? 'Unreachable agent re-reregistered' : 'Unknown agent reregistered';
  const { task_id, agent_id, state } = task;
  const change = {
    task: task_id.value,
    agent: agent_id.value,
    state,
    reason: 'REASON_AGENT_REREGISTERED',
    message,
  } as const;
  return sendEvent(framework.id, updateEvent(masterStatus(change, now)));
}

function recoverFramework(
  state: MasterState,
  id: Framework['id'],
  infos: FrameworkInfo[],
  now: number,
): Framework | undefined {
  const info = infos.find((candidate) => candidate.id?.value === id);
  if (info === undefined) return undefined;
  const framework = { ...emptyFramework(id, info, now), recovered: true };
  state.frameworks.set(id, framework);
  state.allocator.addFramework(id, info, []);
  return framework;
}

/** Tasks that the master believes there and the agent did not name: launched while the link was broken, perhaps. */
function askForMissing(state: MasterState, known: Agent | undefined, agent: Agent): Effect[] {
  const missing = [...(known?.tasks ?? [])].filter(([key]) => !agent.tasks.has(key)).map(([, task]) => task);
  if (missing.length === 0) return [];
  const tasks = missing.map((task) => {
    const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
    agent.tasks.set(taskKey(task.framework_id.value, task.task_id.value), task);
    if (framework !== undefined && !isTerminal(task.state)) {
      const resources = normalize(task.resources ?? []);
      state.allocator.charge({
        framework: framework.id,
        role: roleOfTask(task, framework.info),
        agent: agent.id,
        resources,
      });
    }
    return {
      framework_id: task.framework_id.value,
      task_id: task.task_id.value,
      partition_aware: framework !== undefined && hasCapability(framework.info, 'PARTITION_AWARE'),
    };
  });
  return [sendToAgent(agent.id, { type: 'RECONCILE', tasks })];
}

function repeatKills(agent: Agent): Effect[] {
  return [...agent.pendingKills].flatMap(([key, kill_policy]) => {
    const task = agent.tasks.get(key);
    if (task === undefined || isTerminal(task.state)) return [];
    const message = { type: 'KILL_TASK', framework_id: task.framework_id.value, task_id: task.task_id.value } as const;
    return [sendToAgent(agent.id, kill_policy === undefined ? message : { ...message, kill_policy })];
  });
}
