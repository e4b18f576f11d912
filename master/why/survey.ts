import type { AgentId } from '../../protocol/ids.ts';
import type { Agent, OfferRecord } from '../state.ts';
import { findOn, weightOf } from './agent-finding.ts';
import { distance } from './amounts.ts';
import type { AgentFinding, ObstacleKind, Survey } from './answer.ts';
import type { Question } from './question.ts';
import { leftOf, unmetGuarantees } from './quotas.ts';

const shownAgents = 10;
const shownHolders = 5;
const rememberedLives = 256;
const judgementsPerAgent = 10;

/** The less somebody has to do about an obstacle, the earlier. */
const order: readonly ObstacleKind[] = [
  'NOTHING',
  'OFFERED',
  'RECOVERY',
  'FILTERED',
  'ORDER',
  'SUPPRESSED',
  'INACTIVE',
  'UNKNOWN_ROLE',
  'LIMIT',
  'HEADROOM',
  'CONSTRAINTS',
  'GPU',
  'REGION',
  'DEACTIVATED',
  'DRAINED',
  'DRAINING',
  'DISCONNECTED',
  'TOO_SMALL',
  'MINIMUM',
  'NOTHING_FREE',
];

/** Looks at agents, evenly chosen where there are too many; the nearest to what is waited for come first. */
export function findings(question: Question): AgentFinding[] {
  const { state, framework, role, wish, atMost } = question;
  const declined = new Map<AgentId, OfferRecord>();
  for (const { offer, end } of state.ledger.livesOf(framework.id, role, rememberedLives)) {
    if (end.kind === 'DECLINED' && !declined.has(offer.agent)) declined.set(offer.agent, offer);
  }
  const wanted = wish?.amounts ?? {};
  const surroundings = { left: leftOf(state, role), unmet: unmetGuarantees(state, role), declined };
  const keyed: { finding: AgentFinding; far: number; free: number }[] = [];
  let turns = Math.max(1, Math.floor((atMost * judgementsPerAgent) / state.frameworks.size));
  for (const agent of sample([...state.agents.values()], atMost)) {
    if (turns === 0) break;
    const finding = findOn(question, agent, surroundings);
    // Whose turn it is takes a look at all frameworks.
    if (finding.obstacle.kind === 'NOTHING' || finding.obstacle.kind === 'ORDER') turns--;
    keyed.push({ finding, far: distance(wanted, finding.lacks), free: weightOf(finding.free, finding.total) });
  }
  keyed.sort(
    (left, right) =>
      left.far - right.far ||
      Number(left.finding.too_small) - Number(right.finding.too_small) ||
      order.indexOf(left.finding.obstacle.kind) - order.indexOf(right.finding.obstacle.kind) ||
      right.free - left.free,
  );
  return keyed.map(({ finding }) => finding);
}

function sample(agents: Agent[], atMost: number): Agent[] {
  if (agents.length <= atMost) return agents;
  const step = agents.length / atMost;
  return Array.from({ length: atMost }, (_, index) => agents[Math.floor(index * step)]).flatMap((agent) => agent ?? []);
}

export function surveyOf(found: readonly AgentFinding[], agents: number): Survey {
  const reasons = new Map<ObstacleKind, Survey['reasons'][number]>();
  for (const { obstacle, agent_id, hostname } of found) {
    const { kind } = obstacle;
    const reason = reasons.get(kind) ?? { kind, agents: 0, agent_id, hostname };
    reasons.set(kind, reason);
    reason.agents++;
    if ('since' in obstacle && obstacle.since !== undefined)
      reason.since = Math.min(reason.since ?? Number.POSITIVE_INFINITY, obstacle.since);
    if ('until' in obstacle) reason.until = Math.min(reason.until ?? Number.POSITIVE_INFINITY, obstacle.until);
  }
  return {
    agents,
    examined: found.length,
    reasons: [...reasons.values()].sort((left, right) => right.agents - left.agents),
    nearest: found
      .slice(0, shownAgents)
      .map((finding) => ({ ...finding, held_by: finding.held_by.slice(0, shownHolders) })),
  };
}
