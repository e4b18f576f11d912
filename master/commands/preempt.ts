import type { KillCause } from '../../protocol/agent-link.ts';
import { asAgentId, asFrameworkId } from '../../protocol/ids.ts';
import type { Resource, Task } from '../../protocol/messages.ts';
import { reservationRole } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { priorityOf } from '../allocator/client.ts';
import { minimumsOf } from '../allocator/minimum.ts';
import { consumption, isWithin, roleShares } from '../documents/roles.ts';
import { allocateSoon, type Effect, log } from '../effects.ts';
import {
  type Holding,
  type Plan,
  planPreemption,
  type Spare,
  type Unit,
  type Waiting,
  type Want,
} from '../preemption.ts';
import { addQuantities, excessOver, formatQuantities, type Quantities, quantitiesOf } from '../quantities.ts';
import {
  type Agent,
  type Framework,
  isActive,
  type MasterState,
  offeredResources,
  roleOfTask,
  rolesOf,
  type Shortage,
  taskKey,
} from '../state.ts';
import { wishOf } from '../why/wish.ts';
import { sendKill } from './kill.ts';
import { rescindOffer } from './offers.ts';

/**
 * Gives roles that have had less than their guarantee for a while what others hold beyond theirs (`--preemption`). At most one plan of a role is
 * under way, and when it is carried out the role waits again. What comes free is offered to it first, as the allocator serves guarantees first.
 */
export function preempt(state: MasterState, now: number): Effect[] {
  const { preemptionDelay } = state.settings;
  if (preemptionDelay === undefined) return [];
  for (const role of state.shortages.keys()) if (!state.quotas.has(role)) state.shortages.delete(role);
  const due = [...state.quotas].flatMap(([role, { guarantees }]) => {
    const lacking = excessOver(guarantees, state.allocator.standing(role)?.consumed ?? new Map());
    const shortage = keepShortage(state, role, lacking.size > 0, now);
    return shortage !== undefined && now - shortage.since >= preemptionDelay * 1000
      ? [{ role, lacking, shortage }]
      : [];
  });
  return due.flatMap(({ role, lacking, shortage }) => {
    const waiting = waitingIn(state, role, lacking, now);
    return waiting.length === 0 ? [] : relieve(state, { role, lacking, waiting }, shortage, now);
  });
}

/** Whoever lacks nothing, or whose plan has only just been carried out, begins to wait anew. */
function keepShortage(state: MasterState, role: string, isShort: boolean, now: number): Shortage | undefined {
  const known = state.shortages.get(role);
  const underWay = known?.victims.some((key) => state.agents.get(known.agent)?.pendingKills.has(key)) ?? false;
  if (known !== undefined && underWay) return undefined;
  if (!isShort) {
    state.shortages.delete(role);
    return undefined;
  }
  if (known !== undefined && known.victims.length === 0) return known;
  const shortage: Shortage = { since: now, agent: asAgentId(''), victims: [] };
  state.shortages.set(role, shortage);
  return shortage;
}

interface Short {
  readonly role: string;
  readonly lacking: Quantities;
  readonly waiting: readonly Waiting[];
}

function relieve(state: MasterState, { role, lacking, waiting }: Short, shortage: Shortage, now: number): Effect[] {
  const claimed = new Set(
    [...state.shortages.values()].flatMap(({ agent, victims }) => (victims.length > 0 ? agent : [])),
  );
  const holdings = [...state.agents.values()]
    .filter((agent) => isActive(agent) && !claimed.has(agent.id))
    .map((agent) => holdingOf(state, agent, role));
  const want: Want = { lacking, waiting, left: leftOf(state, role), surplus: surplusOf(state, holdings) };
  const plan = planPreemption(want, holdings, spareOf(state), ({ framework, role: own }, agent) =>
    state.allocator.suits(asFrameworkId(framework), own, asAgentId(agent)),
  );
  if (plan === undefined) return [];
  shortage.agent = asAgentId(plan.agent);
  shortage.since = now;
  return [...carryOut(state, role, lacking, plan, shortage, now), allocateSoon];
}

function carryOut(
  state: MasterState,
  role: string,
  lacking: Quantities,
  plan: Plan,
  shortage: Shortage,
  now: number,
): Effect[] {
  const agent = state.agents.get(asAgentId(plan.agent));
  if (agent === undefined) return [];
  const rescinded = [...agent.offers].flatMap((id) => {
    const offer = state.offers.get(id);
    const isOthers = offer !== undefined && !isWithin(offer.role, role) && offer.resources.some(isCommon);
    return isOthers ? rescindOffer(state, id, 'QUOTA', now) : [];
  });
  const tasks = plan.victims.flatMap(({ id }) => tasksOf(agent, id));
  shortage.victims = tasks.map((task) => taskKey(task.framework_id.value, task.task_id.value));
  const cause: KillCause = {
    reason: 'REASON_CONTAINER_PREEMPTED',
    message: `Preempted for role '${role}', which lacks '${formatQuantities(lacking)}' of its quota guarantee`,
  };
  const fields = { role, agent: agent.id, lacking: formatQuantities(lacking), tasks: shortage.victims };
  return [
    log('preempting for a role below its guarantee', fields),
    ...rescinded,
    ...tasks.flatMap((task) => sendKill(agent, task, { cause })),
  ];
}

/** The frameworks that take offers of a role and those below it and have none to answer, and what is of use to them. */
function waitingIn(state: MasterState, top: string, lacking: Quantities, now: number): Waiting[] {
  return [...state.frameworks.values()].flatMap((framework) =>
    rolesOf(framework.info)
      .filter((role) => isWithin(role, top) && isWaiting(state, framework, role))
      .map((role) => waitingOf(state, framework, role, lacking, now)),
  );
}

function isWaiting(state: MasterState, framework: Framework, role: string): boolean {
  const isOffered = [...framework.offers].some((id) => state.offers.get(id)?.role === role);
  return framework.connected && !framework.suppressedRoles.has(role) && !isOffered;
}

/**
 * What it says that it waits for. Where it does not say: something of all that is lacking, and of each more than it was ever offered and declined since
 * it last launched a task.
 */
function waitingOf(state: MasterState, framework: Framework, role: string, lacking: Quantities, now: number): Waiting {
  const declines = state.ledger.tallyOf(framework.id, role)?.declines;
  const wish = wishOf(framework, role, undefined);
  const holds = declines !== undefined && declines.lastAt + declines.lastRefuseSeconds * 1000 > now;
  const more = (name: string): [string, number] => [name, (declines?.largest.get(name) ?? 0) + 0.001];
  const least = wish === undefined ? [...lacking.keys()].map(more) : Object.entries(wish.amounts);
  const [minimum = new Map()] = minimumsOf(framework.info).get(role) ?? [];
  return {
    framework: framework.id,
    role,
    least: largestOf(new Map(least), minimum),
    refused: holds ? declines?.largest : undefined,
  };
}

function largestOf(left: Quantities, right: Quantities): Map<string, number> {
  const largest = new Map(left);
  for (const [name, amount] of right) largest.set(name, Math.max(amount, left.get(name) ?? 0));
  return largest;
}

function holdingOf(state: MasterState, agent: Agent, role: string): Holding {
  const units = unitsOf(state, agent);
  const executors = [...agent.executors.values()].flatMap(({ resources = [] }) => resources);
  const tasks = [...agent.tasks.values()].filter((task) => !isTerminal(task.state) && !isLeaving(agent, task));
  const held = [...tasks.flatMap(({ resources = [] }) => resources), ...executors];
  const offered = offeredResources(state, agent.offers);
  const others = [...agent.offers].flatMap((id) => {
    const offer = state.offers.get(id);
    return offer === undefined || isWithin(offer.role, role) ? [] : offer.resources;
  });
  return {
    agent: agent.id,
    free: excessOver(commonOf(agent.total), commonOf([...held, ...offered])),
    offered: commonOf(others),
    units: units.filter((unit) => unit.role !== role),
  };
}

/** Its tasks, but for those that are being killed already, and its pods. */
function unitsOf(state: MasterState, agent: Agent): Unit[] {
  const groups = Map.groupBy(
    [...agent.tasks.values()].filter((task) => !isTerminal(task.state)),
    (task) => unitIdOf(agent, task),
  );
  return [...groups].flatMap(([id, tasks]) => {
    const [first] = tasks;
    const framework = first && state.frameworks.get(asFrameworkId(first.framework_id.value));
    if (framework === undefined || tasks.some((task) => isLeaving(agent, task))) return [];
    const role = topOf(roleOfTask(first as Task, framework.info));
    const resources = [...tasks.flatMap((task) => task.resources ?? []), ...(agent.executors.get(id)?.resources ?? [])];
    return {
      id,
      role,
      priority: [state.weights.get(role) ?? 1, priorityOf(framework.info)] as const,
      since: Math.max(...tasks.map((task) => (task.statuses?.[0]?.timestamp ?? Number.POSITIVE_INFINITY) * 1000)),
      amounts: commonOf(resources),
    };
  });
}

function tasksOf(agent: Agent, unit: string): Task[] {
  return [...agent.tasks.values()].filter((task) => !isTerminal(task.state) && unitIdOf(agent, task) === unit);
}

/** A pod ends as a whole: the end of one task is that of its group. */
function unitIdOf(agent: Agent, { framework_id, task_id, executor_id }: Task): string {
  const pod = taskKey(framework_id.value, executor_id?.value ?? '');
  return agent.executors.get(pod)?.type === 'DEFAULT' ? pod : taskKey(framework_id.value, task_id.value);
}

function isLeaving(agent: Agent, { framework_id, task_id }: Task): boolean {
  return agent.pendingKills.has(taskKey(framework_id.value, task_id.value));
}

/** What each role holds beyond its guarantee, without offers and without what is being killed. */
function spareOf(state: MasterState): Spare {
  const consumed = consumption(roleShares(state));
  const leaving = new Map<string, Resource[]>();
  for (const agent of state.agents.values()) {
    for (const task of agent.tasks.values()) {
      const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
      if (framework === undefined || isTerminal(task.state) || !isLeaving(agent, task)) continue;
      const role = topOf(roleOfTask(task, framework.info));
      leaving.set(role, [...(leaving.get(role) ?? []), ...(task.resources ?? [])]);
    }
  }
  const spare = new Map<string, Quantities>();
  for (const [role, { guarantees }] of state.quotas) {
    const held = quantitiesOf(consumed.get(role) ?? []);
    const stays = excessOver(held, commonOf(leaving.get(role) ?? []));
    const beyond = excessOver(stays, guarantees);
    spare.set(role, new Map([...guarantees.keys()].map((name) => [name, beyond.get(name) ?? 0])));
  }
  return spare;
}

/** What a role may have more of before it reaches its limit. */
function leftOf(state: MasterState, role: string): Quantities {
  const limits = state.quotas.get(role)?.limits ?? new Map<string, number>();
  const left = excessOver(limits, state.allocator.standing(role)?.consumed ?? new Map());
  return new Map([...limits.keys()].map((name) => [name, left.get(name) ?? 0]));
}

function surplusOf(state: MasterState, holdings: readonly Holding[]): Quantities {
  let surplus: Quantities = holdings.map(({ free }) => free).reduce(addQuantities, new Map());
  for (const [role, { guarantees }] of state.quotas) {
    const lacking = excessOver(guarantees, state.allocator.standing(role)?.consumed ?? new Map());
    surplus = addQuantities(surplus, new Map([...lacking].map(([name, amount]) => [name, -amount])));
  }
  return surplus;
}

function topOf(role: string): string {
  return role.split('/')[0] ?? role;
}

/** Of what quotas are about: whoever lacks something of a guarantee could be given it. */
function commonOf(resources: readonly Resource[]): Map<string, number> {
  return quantitiesOf(resources.filter(isCommon));
}

function isCommon(resource: Resource): boolean {
  return resource.revocable === undefined && resource.disk === undefined && reservationRole(resource) === '*';
}
