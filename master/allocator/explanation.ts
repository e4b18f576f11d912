import type { Books } from './books.ts';
import type { Account, Client } from './client.ts';
import type { Filters } from './filters.ts';
import type { Host } from './host.ts';
import type { Offering, Stage } from './offering.ts';
import type { Parcel } from './parcel.ts';
import { leftOf } from './role-quota.ts';
import { RoleLeaf, type RoleNode } from './role-tree.ts';
import type { Holder, Reason } from './standing.ts';
import { isWorth } from './suitability.ts';

export interface Question {
  account: Account;
  role: string;
  host: Host;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Why a framework would not be offered an agent for a role now: asks the very things that a cycle asks, in its order. */
export function explain(question: Question, books: Books, offering: Offering, filters: Filters): Reason | undefined {
  const { account, role, host, now } = question;
  const client = account.clients.get(role);
  if (!account.active) return { kind: 'INACTIVE' };
  if (client === undefined || !client.wanted) return { kind: 'UNKNOWN_ROLE' };
  if (client.suppressed) return { kind: 'SUPPRESSED' };
  if (!host.active) return { kind: 'AGENT_INACTIVE' };
  const isReserved = host.reservesFor(client.leaf);
  const whole = host.parcelFor(client, isReserved, false);
  const stages: Stage[] = ['guarantees', 'shares'];
  const verdicts = stages.map((stage) => ({ stage, verdict: offering.judgeAt(now, stage, host, client) }));
  const given = verdicts.find(({ verdict }) => typeof verdict !== 'string');
  if (given !== undefined) return whoComesFirst(given.stage, question, client, books, offering);
  const verdict = verdicts.at(-1)?.verdict;
  switch (verdict) {
    case 'GPU':
    case 'REGION':
    case 'CONSTRAINTS':
      return { kind: verdict };
    case 'MINIMUM':
      return { kind: 'MINIMUM', free: books.names.shown(whole.scalars) };
    case 'QUOTA':
      return quotaReason(client, whole, books, offering);
    case 'FILTERED': {
      const parcel = offering.withinQuota('shares', whole, topOf(client)) ?? whole;
      return { kind: 'FILTERED', until: filters.refusedUntil(client, host, parcel, now) ?? now };
    }
    default:
      return { kind: 'NOTHING_FREE', holders: holdersOf(host, books) };
  }
}

function topOf(client: Client): RoleNode {
  return client.leaf.node.top;
}

/** The limit when that alone leaves too little, or else the guarantees of others. */
function quotaReason(client: Client, whole: Parcel, books: Books, offering: Offering): Reason {
  const top = topOf(client);
  const left = whole.open.map((amount, scalar) => (amount === 0 ? 0 : leftOf(top, scalar)));
  const isLimited = !isWorth(
    whole.chopped((scalar) => leftOf(top, scalar)),
    client.needs ?? offering.needs,
  );
  if (isLimited) {
    const shown = new Map<string, number>();
    for (const [scalar, amount] of left.entries()) {
      if (Number.isFinite(amount) && top.quota?.limits.has(scalar))
        shown.set(books.names.nameOf(scalar), amount / 1000);
    }
    return { kind: 'LIMIT', role: top.path, left: shown };
  }
  const lacking = new Map<string, ReadonlyMap<string, number>>();
  for (const other of books.guarantees.unmet) lacking.set(other.path, books.names.shown(other.quota?.lacking ?? []));
  return { kind: 'HEADROOM', lacking };
}

function holdersOf(host: Host, books: Books): Holder[] {
  books.settleLoan(host);
  return host.holdings.map(({ client, amounts }) => ({
    framework: client.account.id,
    role: client.role,
    agent: host.id,
    amounts: books.names.shown(amounts),
  }));
}

/** Who would take of the agent before a client that takes of it in `stage`; undefined when nobody would. */
function whoComesFirst(
  stage: Stage,
  { host, now }: Question,
  client: Client,
  books: Books,
  offering: Offering,
): Reason | undefined {
  const before: Client[] = [];
  for (const current of ['guarantees', 'shares'] as const) {
    for (const other of inOrder(books.tree.root, books)) {
      if (other === client && current === stage) {
        const [first] = before;
        if (first === undefined) return undefined;
        return { kind: 'ORDER', before: { framework: first.account.id, role: first.role }, ahead: before.length };
      }
      const takes = typeof offering.judgeAt(now, current, host, other) !== 'string';
      if (other !== client && takes && !before.includes(other)) before.push(other);
    }
  }
  return undefined;
}

function* inOrder(node: RoleNode, books: Books): Generator<Client> {
  node.ranking.sort(books);
  for (let index = 0; index < node.ranking.size; index++) {
    const next = node.ranking.at(index);
    if (next === undefined) continue;
    if (next instanceof RoleLeaf) {
      next.ranking.sort(books);
      for (let place = 0; place < next.ranking.size; place++) {
        const client = next.ranking.at(place);
        if (client !== undefined) yield client;
      }
    } else yield* inOrder(next, books);
  }
}
