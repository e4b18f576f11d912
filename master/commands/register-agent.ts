import type { AgentSubscription, MasterMessage } from '../../protocol/agent-link.ts';
import { type AgentId, asAgentId, asFrameworkId, asTaskId } from '../../protocol/ids.ts';
import type { AgentInfo, FrameworkInfo, Task } from '../../protocol/messages.ts';
import { invalidResources } from '../../protocol/resource-validation.ts';
import { normalize } from '../../protocol/resources.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { hasCapability, isTerminal } from '../../protocol/task-state.ts';
import type { AgentFacts } from '../allocator/offer-constraints.ts';
import { allocateSoon, announce, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { machineOf } from '../maintenance.ts';
import { count } from '../metrics.ts';
import { absent, admitted, agentEntry, known as knownEntry, type RegistryEntry } from '../registry/entries.ts';
import { type Agent, type Framework, type MasterState, roleOfTask, taskKey } from '../state.ts';
import { adoptExecutors, adoptOperations, releaseWork } from './adopt-work.ts';
import { drainOrder } from './drain.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import { rescindOffer } from './offers.ts';
import { claimOperations } from './operations.ts';
import { addCondition, masterStatus, recordStatus, updateEvent } from './statuses.ts';
import { emptyFramework, unlimited } from './subscribe.ts';
import { completeTask, releaseResources } from './tasks.ts';

export type Registration =
  | { refusal: string }
  /** The agent must end; why. */
  | { shutdown: string }
  | { agent: AgentId; effects: Effect[] };

/**
 * An agent that is new, or back: after a break of its link, after its own restart, or after that of the master.
 * What it says that it runs is the truth; tasks that only the master knows are asked for.
 */
export function registerAgent(state: MasterState, subscription: AgentSubscription, now: number): Registration {
  const wrong =
    invalidResources(subscription.agent.resources ?? []) ??
    invalidResources(subscription.total) ??
    strayDomain(state, subscription.agent);
  if (wrong !== undefined) return { refusal: wrong };
  const given = subscription.agent.id?.value;
  const named = given ?? state.newcomers.idOf(subscription.attempt?.process);
  const unwanted = unwantedAgent(state, named, subscription);
  if (unwanted !== undefined) return { shutdown: unwanted };
  if (named !== undefined && isOutdated(state, asAgentId(named), subscription))
    return { refusal: 'The agent has dialled again since' };
  const id = asAgentId(named ?? `${state.master.id}-S${state.counters.agent++}`);
  state.newcomers.note(subscription.attempt?.process, given === undefined ? id : undefined);
  const known = state.agents.get(id);
  const remembered = state.recovery.agents.get(id);
  state.recovery.agents.delete(id);
  const agent = newAgent(state, id, subscription, now);
  const isAsRemembered = remembered?.isJust(agent) ?? false;
  const previous = known ?? (isAsRemembered ? undefined : remembered?.agent) ?? state.unreachableAgents.get(id)?.agent;
  const wasUnreachable = state.unreachableAgents.delete(id);
  const rescinded = known === undefined ? [] : forget(state, known, now);
  if (previous !== undefined) inherit(state, agent, previous);
  state.agents.set(id, agent);
  state.allocator.addAgent(id, agent.total, factsOf(agent));
  if (agent.deactivated) state.allocator.deactivateAgent(id);
  count(state, `master/messages_${given === undefined ? 'register' : 'reregister'}_slave`);
  count(state, given === undefined ? 'master/slave_registrations' : 'master/slave_reregistrations');
  const recovered: Framework[] = [];
  const find = (framework: Framework['id']) => {
    if (state.completedFrameworks.has(framework)) return undefined;
    const found = state.frameworks.get(framework);
    if (found !== undefined) return found;
    const unknown = recoverFramework(state, framework, subscription.frameworks, now);
    if (unknown !== undefined) recovered.push(unknown);
    return unknown;
  };
  const absence = wasUnreachable ? 'UNREACHABLE' : remembered === undefined ? 'UNKNOWN' : 'RECOVERED';
  const isNews = !isAsRemembered && (previous === undefined || textOf(previous) !== textOf(agent));
  const effects = subscription.tasks.flatMap((task) => adoptTask(state, agent, task, find, absence, now));
  effects.push(...adoptExecutors(state, agent, subscription.executors, find));
  effects.push(...adoptOperations(state, agent, subscription.operations, previous));
  return {
    agent: id,
    effects: [
      ...keep(agent, isNews, wasUnreachable, recovered),
      sendToAgent(id, {
        type: 'REGISTERED',
        agent_id: id,
        master_id: state.master.id,
        ping_timeout_seconds: state.settings.agentPingTimeout,
        ...state.reign,
        ...drainOrder(agent.drain),
      }),
      ...rescinded,
      ...(known === undefined ? [announce({ type: 'AGENT_ADDED', agent })] : []),
      ...recovered.map((framework) => announce({ type: 'FRAMEWORK_ADDED', framework })),
      ...effects,
      ...askForMissing(state, previous, agent),
      ...tellChanges(state, subscription, id),
      ...repeatKills(agent),
      log(previous === undefined && !isAsRemembered ? 'agent registered' : 'agent registered again', {
        id,
        hostname: agent.info.hostname,
      }),
      allocateSoon,
    ],
  };
}

function unwantedAgent(
  state: MasterState,
  id: string | undefined,
  { agent: info, address }: AgentSubscription,
): string | undefined {
  if (id !== undefined && state.goneAgents.has(asAgentId(id))) return 'Agent has been marked gone';
  return machineOf(state.maintenance, { info, address })?.mode === 'DOWN' ? 'Machine is `DOWN`' : undefined;
}

/** Something held the subscription up, and what it says of the agent is not true any more. */
function isOutdated({ agents, unreachableAgents }: MasterState, id: AgentId, { attempt }: AgentSubscription): boolean {
  const latest = (agents.get(id) ?? unreachableAgents.get(id)?.agent)?.attempt;
  return latest !== undefined && latest.process === attempt?.process && attempt.number <= latest.number;
}

function strayDomain({ master }: MasterState, { domain }: AgentInfo): string | undefined {
  if (domain?.fault_domain === undefined || master.domain !== undefined) return undefined;
  return 'The agent has a domain and the master has none; start the master with --domain';
}

export function factsOf({ info, attributes }: Agent): AgentFacts {
  return { hostname: info.hostname, attributes, domain: info.domain };
}

function newAgent(state: MasterState, id: AgentId, subscription: AgentSubscription, now: number): Agent {
  return {
    id,
    info: { ...subscription.agent, id: { value: id } },
    address: subscription.address,
    version: subscription.version,
    attempt: subscription.attempt,
    connected: true,
    registeredAt: now,
    reregisteredAt: subscription.agent.id === undefined ? undefined : now,
    heardAt: now,
    total: normalize(subscription.total),
    attributes: subscription.agent.attributes ?? [],
    unavailability: machineOf(state.maintenance, { info: subscription.agent, address: subscription.address })
      ?.unavailability,
    deactivated: false,
    drain: undefined,
    offers: new Set(),
    inverseOffers: new Set(),
    tasks: new Map(),
    executors: new Map(),
    operations: new Map(),
    pendingKills: new Map(),
  };
}

/** What the agent does not say itself is as it was. */
function inherit(state: MasterState, agent: Agent, previous: Agent): void {
  if (previous.registeredAt >= state.electedAt) agent.registeredAt = previous.registeredAt;
  agent.deactivated = previous.deactivated;
  agent.drain = previous.drain;
  for (const [key, kill] of previous.pendingKills) agent.pendingKills.set(key, kill);
}

/** An agent is admitted, or is not unreachable any more, or says other things of itself; with it come frameworks. */
function keep(agent: Agent, isNews: boolean, wasUnreachable: boolean, frameworks: readonly Framework[]): Effect[] {
  const entries: RegistryEntry[] = frameworks.map(knownEntry);
  if (isNews || wasUnreachable) entries.push(admitted(agent));
  if (wasUnreachable) entries.push(absent('unreachable', agent.id));
  return entries.length === 0 ? [] : [{ kind: 'record', entries }];
}

/** An agent that says the same says it in the same order. */
const textOf = (agent: Agent) => JSON.stringify(agentEntry(agent));

/** The agent's books are opened anew. */
function forget(state: MasterState, agent: Agent, now: number): Effect[] {
  const rescinded = [...agent.offers].flatMap((offer) => rescindOffer(state, offer, 'AGENT_CHANGED', now));
  for (const task of agent.tasks.values()) {
    const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
    if (framework !== undefined && !isTerminal(task.state)) releaseResources(state, framework, task, now);
  }
  releaseWork(state, agent, now);
  state.allocator.removeAgent(agent.id);
  return [...rescinded, ...rescindInverseOffers(state, agent)];
}

/** Why this master does not know a task of an agent: it gave the agent up, it never heard of it, or it has only just taken it over. */
type Absence = 'UNREACHABLE' | 'UNKNOWN' | 'RECOVERED';

function adoptTask(
  state: MasterState,
  agent: Agent,
  reported: Task,
  find: (id: Framework['id']) => Framework | undefined,
  absence: Absence,
  now: number,
): Effect[] {
  const id = asFrameworkId(reported.framework_id.value);
  const framework = find(id);
  if (framework === undefined) return [sendToAgent(agent.id, { type: 'SHUTDOWN_FRAMEWORK', framework_id: id })];
  const taskId = asTaskId(reported.task_id.value);
  const before = framework.tasks.get(taskId) ?? framework.unreachableTasks.get(taskId);
  const stale = dismissStale(framework, agent, reported, before);
  if (stale !== undefined) return stale;
  const task: Task = { ...reported };
  if (before?.statuses !== undefined) task.statuses = before.statuses;
  if (before?.user !== undefined) task.user = before.user;
  const told = reported.statuses?.at(-1);
  // Where all is acknowledged, that is what its framework was told last.
  if (reported.status_update_state === undefined && told !== undefined) {
    task.status_update_state = told.state;
    if (told.uuid !== undefined) task.status_update_uuid = told.uuid;
  }
  framework.unreachableTasks.delete(taskId);
  if (isTerminal(task.state)) reopen(framework, task);
  framework.tasks.set(taskId, task);
  agent.tasks.set(taskKey(id, taskId), task);
  const isBack = absence === 'UNREACHABLE' || before === undefined;
  const news = isBack ? [announce({ type: 'TASK_ADDED', task })] : [];
  if (isTerminal(task.state)) return news;
  chargeTask(state, framework, agent, task);
  // Nobody has been told that the tasks of an agent that is taken over are lost.
  return isBack && absence !== 'RECOVERED' ? [...news, tellReturn(framework, task, reported, absence, now)] : news;
}

function chargeTask(state: MasterState, framework: Framework, agent: Agent, task: Task): void {
  const resources = normalize(task.resources ?? []);
  const role = roleOfTask(task, framework.info);
  state.allocator.charge({ framework: framework.id, role, agent: agent.id, resources });
}

/** A task that was completed because its agent was away waits for its acknowledgement again. */
function reopen({ completedTasks }: Framework, task: Task): void {
  const place = completedTasks.findLastIndex(
    ({ task_id, agent_id }) => task_id.value === task.task_id.value && agent_id.value === task.agent_id.value,
  );
  if (place >= 0 && completedTasks[place]?.status_update_uuid === undefined) completedTasks.splice(place, 1);
}

/** What becomes of a task whose end was acknowledged already, or whose id runs elsewhere by now; undefined for any other. */
function dismissStale(
  framework: Framework,
  agent: Agent,
  reported: Task,
  before: Task | undefined,
): Effect[] | undefined {
  const uuid = reported.status_update_uuid;
  const task_id = reported.task_id.value;
  const isSame = (task: Task) => task.task_id.value === task_id && task.status_update_uuid === uuid;
  const acknowledged = uuid !== undefined && framework.completedTasks.some(isSame);
  const elsewhere = before !== undefined && before.agent_id.value !== agent.id;
  if (!acknowledged && !elsewhere) return undefined;
  if (!isTerminal(reported.state))
    return [sendToAgent(agent.id, { type: 'KILL_TASK', framework_id: framework.id, task_id })];
  // Its acknowledgement was lost with the link.
  if (uuid === undefined) return [];
  return [sendToAgent(agent.id, { type: 'ACKNOWLEDGE', framework_id: framework.id, task_id, uuid })];
}

function tellReturn(framework: Framework, task: Task, reported: Task, absence: Absence, now: number): Effect {
  const wasUnreachable = absence === 'UNREACHABLE';
  const message = wasUnreachable ? 'Unreachable agent re-reregistered' : 'Unknown agent reregistered';
  const { task_id, agent_id, state } = task;
  const change = {
    task: task_id.value,
    agent: agent_id.value,
    state,
    reason: 'REASON_AGENT_REREGISTERED',
    message,
  } as const;
  const status = addCondition(masterStatus(change, now), reported);
  // What was recorded last is that it was unreachable, or lost. That it is back is announced already.
  if (wasUnreachable) recordStatus(framework, task, status);
  return sendEvent(framework.id, updateEvent(status));
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
  claimOperations(state, framework);
  state.allocator.addFramework(id, unlimited(info));
  return framework;
}

/** Tasks that the master believes there and the agent did not name: launched while the link was broken, perhaps. */
function askForMissing(state: MasterState, previous: Agent | undefined, agent: Agent): Effect[] {
  const effects: Effect[] = [];
  const asked: (MasterMessage & { type: 'RECONCILE' })['tasks'] = [];
  for (const [key, task] of previous?.tasks ?? []) {
    const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
    const id = asTaskId(task.task_id.value);
    const unreachable = framework?.unreachableTasks.get(id) === task;
    if (framework === undefined || agent.tasks.has(key) || !(unreachable || framework.tasks.get(id) === task)) continue;
    framework.unreachableTasks.delete(id);
    framework.tasks.set(id, task);
    agent.tasks.set(key, task);
    const over = isTerminal(task.state);
    if (over && (unreachable || isTerminal(task.status_update_state ?? task.state))) {
      effects.push(...tellEndAgain(state, framework, task, unreachable));
      continue;
    }
    if (unreachable) {
      task.state = task.status_update_state ?? 'TASK_STAGING';
      effects.push(announce({ type: 'TASK_ADDED', task }));
    }
    // One that is over, but whose end was still behind earlier updates: the agent makes an end for it.
    if (!over) chargeTask(state, framework, agent, task);
    const partition_aware = hasCapability(framework.info, 'PARTITION_AWARE');
    asked.push({ framework_id: framework.id, task_id: id, partition_aware });
  }
  return asked.length === 0 ? effects : [...effects, sendToAgent(agent.id, { type: 'RECONCILE', tasks: asked })];
}

/** The agent has forgotten a task whose end the master knows: the master alone can tell it now. */
function tellEndAgain(state: MasterState, framework: Framework, task: Task, lost: boolean): Effect[] {
  const last = task.statuses?.at(-1);
  // The framework was told TASK_LOST, and that is what it is.
  if (lost || last?.uuid === undefined) {
    completeTask(state, framework, task);
    return [];
  }
  return [sendEvent(framework.id, updateEvent(last))];
}

/** What frameworks said of themselves while the agent was away. */
function tellChanges(state: MasterState, { frameworks }: AgentSubscription, agent: AgentId): Effect[] {
  return frameworks.flatMap((told) => {
    const info = state.frameworks.get(asFrameworkId(told.id?.value ?? ''))?.info;
    if (info === undefined || sameContent(info, told)) return [];
    return [sendToAgent(agent, { type: 'UPDATE_FRAMEWORK', framework: info })];
  });
}

function repeatKills(agent: Agent): Effect[] {
  return [...agent.pendingKills].flatMap(([key, kill]) => {
    const task = agent.tasks.get(key);
    if (task === undefined || isTerminal(task.state)) {
      agent.pendingKills.delete(key);
      return [];
    }
    const [framework_id, task_id] = [task.framework_id.value, task.task_id.value];
    return [sendToAgent(agent.id, { type: 'KILL_TASK', framework_id, task_id, ...kill })];
  });
}
