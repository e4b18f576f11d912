import { type AgentId, asFrameworkId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { Reason } from '../allocator/standing.ts';
import { offersWaitUntil } from '../commands/recovered-agents.ts';
import { type Agent, type MasterState, type OfferRecord, roleOfExecutor, roleOfTask } from '../state.ts';
import { amountsFor, amountsOf, isNone, lacking, minus, shown } from './amounts.ts';
import type { AgentFinding, Amounts, HeldBy, Obstacle } from './answer.ts';
import { agentName, nameById, type Question, secondsOf } from './question.ts';

/** What is the same for all agents. */
export interface Surroundings {
  /** What the limits of the role leave. */
  left: Amounts;
  /** What the guarantees of others lack, by role. */
  unmet: Readonly<Record<string, Amounts>>;
  /** The last offer of each agent that the framework declined. */
  declined: ReadonlyMap<AgentId, OfferRecord>;
}

/** What is in the way between the framework and one agent, and how far from enough the agent is. */
export function findOn(question: Question, agent: Agent, surroundings: Surroundings): AgentFinding {
  const { role, wish } = question;
  const total = amountsFor(agent.total, role);
  const held = holdersOn(question.state, agent);
  const own = offersOf(question, agent);
  const ownOffers = new Set<string>(own.map(({ id }) => id));
  const taken = held.filter(({ id }) => !ownOffers.has(id));
  const free = taken.reduce((rest, { used }) => minus(rest, amountsFor(used, role)), total);
  const wanted = wish?.amounts ?? {};
  const lacks = lacking(wanted, free);
  return {
    ...agentName(agent),
    obstacle: obstacleOn(question, agent, { own, lacks, ...surroundings }),
    free,
    total,
    lacks,
    too_small: !isNone(lacking(wanted, total)),
    held_by: taken
      .map(({ used: _used, ...holder }) => holder)
      .sort((left, right) => weightOf(right.amounts, total) - weightOf(left.amounts, total)),
  };
}

interface Situation extends Surroundings {
  own: OfferRecord[];
  lacks: Amounts;
}

function obstacleOn(question: Question, agent: Agent, { own, lacks, left, unmet, declined }: Situation): Obstacle {
  const { state, framework, role, wish, now } = question;
  const fits = isNone(lacks);
  const [first] = own;
  if (fits && first !== undefined) return { kind: 'OFFERED', since: secondsOf(first.offeredAt) };
  const reason = state.allocator.explain(framework.id, role, agent.id, now);
  const principal = principalObstacle(question, agent, reason);
  if (principal !== undefined) return principal;
  if (!fits) return { kind: 'TOO_SMALL' };
  const until = offersWaitUntil(state, now);
  if (until !== undefined) return { kind: 'RECOVERY', missing: state.recovery.agents.size, until: secondsOf(until) };
  const limited = Object.entries(left).some(([name, amount]) => amount < (wish?.amounts[name] ?? 0));
  if (limited) return { kind: 'LIMIT', role: topRole(reason, role), left };
  const refused = declined.get(agent.id);
  if (reason?.kind === 'FILTERED' && wish !== undefined && refused !== undefined) {
    // What it declined was what guarantees had left of the agent.
    const short = !isNone(lacking(wish.amounts, amountsOf(refused.resources)));
    if (short && Object.keys(unmet).length > 0) return { kind: 'HEADROOM', lacking: unmet };
  }
  return quantityObstacle(state, reason);
}

function topRole(reason: Reason | undefined, role: string): string {
  return reason?.kind === 'LIMIT' ? reason.role : (role.split('/')[0] ?? role);
}

/** What is in the way whatever is free. */
function principalObstacle(
  { state, framework, role }: Question,
  agent: Agent,
  reason: Reason | undefined,
): Obstacle | undefined {
  switch (reason?.kind) {
    case 'INACTIVE':
    case 'UNKNOWN_ROLE':
    case 'GPU':
    case 'REGION':
    case 'CONSTRAINTS':
      return { kind: reason.kind };
    case 'SUPPRESSED': {
      const at = state.ledger.tallyOf(framework.id, role)?.suppressedAt ?? framework.reregisteredAt;
      return { kind: 'SUPPRESSED', since: secondsOf(at) };
    }
    case 'AGENT_INACTIVE':
      return agentObstacle(state, agent);
    default:
      return undefined;
  }
}

function agentObstacle({ settings }: MasterState, { connected, drain, heardAt }: Agent): Obstacle {
  if (!connected) {
    const until = heardAt + settings.agentPingTimeout * 1000;
    return { kind: 'DISCONNECTED', since: secondsOf(heardAt), until: secondsOf(until) };
  }
  return drain === undefined ? { kind: 'DEACTIVATED' } : { kind: drain.state, since: secondsOf(drain.startedAt) };
}

/** What is in the way of as much as is free. */
function quantityObstacle(state: MasterState, reason: Reason | undefined): Obstacle {
  switch (reason?.kind) {
    case 'LIMIT':
      return { kind: 'LIMIT', role: reason.role, left: Object.fromEntries(reason.left) };
    case 'HEADROOM':
      return {
        kind: 'HEADROOM',
        lacking: Object.fromEntries([...reason.lacking].map(([role, amounts]) => [role, shown(amounts)])),
      };
    case 'FILTERED':
      return { kind: 'FILTERED', until: secondsOf(reason.until) };
    case 'ORDER':
      return {
        kind: 'ORDER',
        before: nameById(state, reason.before.framework),
        role: reason.before.role,
        ahead: reason.ahead,
      };
    case 'NOTHING_FREE':
    case 'MINIMUM':
      return { kind: reason.kind };
    default:
      return { kind: 'NOTHING' };
  }
}

/** The framework's own offers of an agent for the role. */
function offersOf({ state, framework, role }: Question, agent: Agent): OfferRecord[] {
  const few = framework.offers.size < agent.offers.size ? framework.offers : agent.offers;
  return [...few].flatMap((id) => {
    const offer = state.offers.get(id);
    const own = offer?.framework === framework.id && offer.agent === agent.id && offer.role === role;
    return own ? [offer] : [];
  });
}

/** Everything that holds something of an agent. */
export function holdersOn(state: MasterState, agent: Agent): (HeldBy & { used: readonly Resource[] })[] {
  const infoOf = (id: string) => state.frameworks.get(asFrameworkId(id))?.info ?? { user: '', name: id };
  const tasks = [...agent.tasks.values()].flatMap((task) => {
    if (isTerminal(task.state)) return [];
    const framework = task.framework_id.value;
    const since = task.statuses?.[0]?.timestamp;
    return [
      {
        ...nameById(state, framework),
        role: roleOfTask(task, infoOf(framework)),
        kind: 'TASK' as const,
        id: task.task_id.value,
        used: task.resources ?? [],
        ...(since === undefined ? {} : { since }),
      },
    ];
  });
  const executors = [...agent.executors.values()].map((executor) => {
    const framework = executor.framework_id?.value ?? '';
    const id = executor.executor_id.value;
    const role = roleOfExecutor(executor, infoOf(framework));
    return { ...nameById(state, framework), role, kind: 'EXECUTOR' as const, id, used: executor.resources ?? [] };
  });
  const offers = [...agent.offers].flatMap((id) => {
    const offer = state.offers.get(id);
    if (offer === undefined) return [];
    const { framework, role, resources: used, offeredAt } = offer;
    return [{ ...nameById(state, framework), role, kind: 'OFFER' as const, id, used, since: secondsOf(offeredAt) }];
  });
  return [...tasks, ...executors, ...offers]
    .map((holder) => ({ ...holder, amounts: amountsOf(holder.used) }))
    .filter(({ amounts }) => !isNone(amounts));
}

/** The largest fraction of any scalar. */
export function weightOf(amounts: Amounts, total: Amounts): number {
  return Math.max(0, ...Object.entries(amounts).map(([name, amount]) => amount / (total[name] ?? amount)));
}
