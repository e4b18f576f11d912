import { amountsFor, isNone, lacking, minus, plus } from './amounts.ts';
import type { Advice, AgentFinding, AgentName, Amounts, HeldBy, ObstacleKind, Outstanding } from './answer.ts';
import { disconnectedSince, type Question, secondsOf } from './question.ts';

/** What would help, the smallest change first: what comes by itself, what the framework can do, what an operator can, what others hold. */
export function adviceFor(question: Question, found: readonly AgentFinding[], outstanding: Outstanding): Advice[] {
  const byTime = [
    ...whenGiven(found),
    ...whenAgentsAreBack(found),
    ...ownOffers(question, outstanding),
    ...whenFilterEnds(question, found),
    ...whenTurnComes(found),
  ];
  const byChange = [
    ...frameworkChanges(question, found),
    ...othersOffers(question, found),
    ...agentChanges(question, found),
    ...quotaChanges(question, found),
    ...demandChanges(question, found),
    ...endsOfTasks(found),
  ];
  // It asks for nothing: what others do would not help.
  const isQuiet = question.wish === undefined && question.framework.suppressedRoles.has(question.role);
  if (isQuiet || disconnectedSince(question.framework) !== undefined)
    return [...ownOffers(question, outstanding), ...frameworkChanges(question, found)];
  return byTime.length > 0 ? [...byTime, ...byChange] : [...byChange, ...addAgent(question, found)];
}

function first(found: readonly AgentFinding[], ...kinds: ObstacleKind[]): AgentFinding | undefined {
  return found.find(({ obstacle, lacks }) => kinds.includes(obstacle.kind) && isNone(lacks));
}

function nameOf({ agent_id, hostname }: AgentName): AgentName {
  return { agent_id, hostname };
}

function whenGiven(found: readonly AgentFinding[]): Advice[] {
  const next = first(found, 'NOTHING');
  return next === undefined ? [] : [{ kind: 'WAIT_FOR_ALLOCATION', agent: nameOf(next) }];
}

function whenAgentsAreBack(found: readonly AgentFinding[]): Advice[] {
  const next = first(found, 'RECOVERY');
  if (next?.obstacle.kind !== 'RECOVERY') return [];
  const { missing, until } = next.obstacle;
  return [{ kind: 'WAIT_FOR_AGENTS', missing, until }];
}

function whenTurnComes(found: readonly AgentFinding[]): Advice[] {
  const next = first(found, 'ORDER');
  if (next?.obstacle.kind !== 'ORDER') return [];
  const { before, ahead } = next.obstacle;
  return [{ kind: 'WAIT_FOR_TURN', agent: nameOf(next), before, ahead }];
}

/** A framework that sits on offers of its own keeps them from itself, too. */
function ownOffers({ state, now }: Question, { offers, since }: Outstanding): Advice[] {
  if (since === undefined) return [];
  const { offerTimeout } = state.settings;
  const end = offerTimeout === undefined ? {} : { rescinded_at: Math.max(since + offerTimeout, secondsOf(now)) };
  return [{ kind: 'ANSWER_OFFERS', offers, since, ...end }];
}

function whenFilterEnds({ role }: Question, found: readonly AgentFinding[]): Advice[] {
  const ends = found.flatMap((finding) =>
    finding.obstacle.kind === 'FILTERED' ? [{ agent: nameOf(finding), until: finding.obstacle.until }] : [],
  );
  const [next] = ends.sort((left, right) => left.until - right.until);
  return next === undefined
    ? []
    : [
        { kind: 'WAIT_FOR_FILTER', ...next },
        { kind: 'REVIVE', role },
      ];
}

function frameworkChanges({ framework, role }: Question, found: readonly AgentFinding[]): Advice[] {
  if (disconnectedSince(framework) !== undefined) {
    const { removeAt } = framework;
    return [{ kind: 'RECONNECT', ...(removeAt === undefined ? {} : { removed_at: secondsOf(removeAt) }) }];
  }
  return found.some(({ obstacle }) => obstacle.kind === 'SUPPRESSED') ? [{ kind: 'REVIVE', role }] : [];
}

/** Offers of others on an agent that would have enough with them; the oldest. */
function othersOffers({ state, wish }: Question, found: readonly AgentFinding[]): Advice[] {
  const { offerTimeout } = state.settings;
  const candidates = found.flatMap((finding) => {
    if (!isOccupied(finding)) return [];
    const offers = finding.held_by.filter(({ kind }) => kind === 'OFFER');
    const [oldest] = offers.toSorted((left, right) => (left.since ?? 0) - (right.since ?? 0));
    const freed = offers.reduce((sum, { amounts }) => plus(sum, amounts), finding.free);
    return oldest?.since === undefined || !isNone(lacking(wish?.amounts ?? {}, freed))
      ? []
      : [{ finding, oldest, since: oldest.since }];
  });
  const [best] = candidates.sort((left, right) => left.since - right.since);
  if (best === undefined) return [];
  const { finding, oldest, since } = best;
  const { framework_id, framework, amounts } = oldest;
  const end = offerTimeout === undefined ? {} : { until: since + offerTimeout };
  const holder = { framework_id, framework };
  return [{ kind: 'WAIT_FOR_OFFER', holder, agent: nameOf(finding), amounts, since, ...end }];
}

function isOccupied({ obstacle: { kind } }: AgentFinding): boolean {
  return kind === 'TOO_SMALL' || kind === 'NOTHING_FREE' || kind === 'MINIMUM';
}

function agentChanges({ state, role, wish }: Question, found: readonly AgentFinding[]): Advice[] {
  const idle = first(found, 'DEACTIVATED', 'DRAINED', 'DRAINING');
  const away = first(found, 'DISCONNECTED');
  const lost = [...state.unreachableAgents.values()].find(({ agent }) =>
    isNone(lacking(wish?.amounts ?? {}, amountsFor(agent.total, role))),
  );
  const changes: Advice[] = [];
  if (away?.obstacle.kind === 'DISCONNECTED') {
    const { since, until } = away.obstacle;
    changes.push({ kind: 'RECONNECT_AGENT', agent: nameOf(away), since, until });
  }
  if (lost !== undefined) {
    const agent = { agent_id: lost.agent.id, hostname: lost.agent.info.hostname };
    changes.push({ kind: 'RECONNECT_AGENT', agent, since: secondsOf(lost.since) });
  }
  if (idle !== undefined) {
    const because = idle.obstacle.kind as 'DEACTIVATED' | 'DRAINED' | 'DRAINING';
    changes.push({ kind: 'REACTIVATE_AGENT', agent: nameOf(idle), because });
  }
  return changes;
}

function quotaChanges({ wish }: Question, found: readonly AgentFinding[]): Advice[] {
  const changes: Advice[] = [];
  const limited = found.find(({ obstacle }) => obstacle.kind === 'LIMIT');
  if (limited?.obstacle.kind === 'LIMIT') {
    const { role, left } = limited.obstacle;
    const wanted = Object.fromEntries(Object.keys(left).map((name) => [name, wish?.amounts[name] ?? 0]));
    changes.push({ kind: 'RAISE_LIMIT', role, amounts: minus(wanted, left) });
  }
  const held = found.find(({ obstacle }) => obstacle.kind === 'HEADROOM');
  if (held?.obstacle.kind === 'HEADROOM') {
    for (const [role, amounts] of Object.entries(held.obstacle.lacking))
      changes.push({ kind: 'LOWER_GUARANTEE', role, amounts });
  }
  return changes;
}

function demandChanges({ wish }: Question, found: readonly AgentFinding[]): Advice[] {
  const kinds = { CONSTRAINTS: 'RELAX_CONSTRAINTS', GPU: 'TAKE_GPUS', REGION: 'TAKE_REGIONS' } as const;
  const changes = (['CONSTRAINTS', 'GPU', 'REGION'] as const).flatMap((obstacle): Advice[] => {
    const finding = first(found, obstacle);
    return finding === undefined ? [] : [{ kind: kinds[obstacle], agent: nameOf(finding) }];
  });
  const nearest = found.find(({ obstacle }) => obstacle.kind === 'TOO_SMALL');
  if (wish === undefined || nearest === undefined) return changes;
  const largest = minus(wish.amounts, nearest.lacks);
  // Without any of something that it wants it is another task.
  if (Object.keys(largest).length < Object.keys(wish.amounts).length) return changes;
  return [...changes, { kind: 'ASK_FOR_LESS', agent: nameOf(nearest), less: nearest.lacks, largest }];
}

/** On the agent where the fewest have to end, those whose end would free enough. */
function endsOfTasks(found: readonly AgentFinding[]): Advice[] {
  const candidates = found.flatMap((finding) => {
    const tasks = isOccupied(finding) && !finding.too_small ? enough(finding) : undefined;
    return tasks === undefined ? [] : [{ agent: nameOf(finding), tasks }];
  });
  const [best] = candidates.sort((left, right) => left.tasks.length - right.tasks.length);
  return best === undefined ? [] : [{ kind: 'WAIT_FOR_TASKS', ...best }];
}

/** The smallest task that frees all that is lacking, or the largest ones that do so together. */
function enough({ held_by, lacks }: AgentFinding): HeldBy[] | undefined {
  const tasks = held_by.filter(({ kind }) => kind === 'TASK');
  const alone = tasks.findLast(({ amounts }) => isNone(lacking(lacks, amounts)));
  if (alone !== undefined) return [alone];
  const chosen: HeldBy[] = [];
  let rest: Amounts = lacks;
  for (const task of tasks) {
    if (isNone(rest)) break;
    chosen.push(task);
    rest = minus(rest, task.amounts);
  }
  return isNone(rest) && chosen.length > 0 ? chosen : undefined;
}

function addAgent({ state, wish, framework }: Question, found: readonly AgentFinding[]): Advice[] {
  const isFull = state.agents.size === 0 || found.some(isOccupied);
  return isFull && disconnectedSince(framework) === undefined
    ? [{ kind: 'ADD_AGENT', amounts: wish?.amounts ?? {} }]
    : [];
}
