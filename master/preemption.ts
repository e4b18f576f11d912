import { addQuantities, excessOver, type Quantities } from './quantities.ts';

/** A role has less than its guarantee, and these are those of its frameworks that would take offers. Amounts are of scalars, unreserved and not revocable. */
export interface Want {
  /** What the role lacks of its guarantee. */
  readonly lacking: Quantities;
  /** What its limit leaves; a name that is missing is not limited. */
  readonly left: Quantities;
  /** What is free in the cluster beyond all that guarantees lack; negative where they lack more than is free. */
  readonly surplus: Quantities;
  readonly waiting: readonly Waiting[];
}

export interface Waiting {
  readonly framework: string;
  readonly role: string;
  /** An offer of less is of no use to it. */
  readonly least: Quantities;
  /** Neither is one that has no more than this of anything, where it refused that. */
  readonly refused: Quantities | undefined;
}

/** An agent of which something may be had back. */
export interface Holding {
  readonly agent: string;
  /** What is free, and what is about to be. */
  readonly free: Quantities;
  /** What frameworks of other roles are offered and have not answered. */
  readonly offered: Quantities;
  readonly units: readonly Unit[];
}

/** What can only be ended as a whole: a task, or a pod. */
export interface Unit {
  readonly id: string;
  /** Of the top level. */
  readonly role: string;
  /** That of the role, then that of the framework: who has less goes first. */
  readonly priority: readonly [role: number, framework: number];
  /** Milliseconds since the epoch; of equal priority the newest goes first. */
  readonly since: number;
  readonly amounts: Quantities;
}

export interface Plan {
  readonly waiting: Waiting;
  readonly agent: string;
  /** None: it is enough to take the offers of others back. */
  readonly victims: readonly Unit[];
}

/** By role: what it holds beyond its guarantee. What its guarantee does not name it may lose altogether. */
export type Spare = ReadonlyMap<string, Quantities>;

/**
 * Which units of which one agent to end, so that a role which lacks something of its guarantee can be offered what one of its frameworks can
 * use. Undefined where that takes nothing, since it is there or coming already, and where no agent has enough of it.
 *
 * INVARIANTS
 * - No victim's role is left with less than its guarantee.
 * - Without any one of the victims the offer would be of no use.
 */
export function planPreemption(
  want: Want,
  holdings: readonly Holding[],
  spare: Spare,
  suits: (waiting: Waiting, agent: string) => boolean,
): Plan | undefined {
  for (const waiting of want.waiting) {
    const suitable = holdings.filter(({ agent }) => suits(waiting, agent));
    if (suitable.some(({ free }) => isUseful(want, waiting, free, none))) continue;
    let best: Plan | undefined;
    for (const holding of suitable) {
      const victims = victimsOn(want, waiting, holding, spare);
      if (victims === undefined) continue;
      const plan = { waiting, agent: holding.agent, victims };
      if (best === undefined || hurtsLess(plan, best)) best = plan;
    }
    if (best !== undefined) return best;
  }
  return undefined;
}

const none: Quantities = new Map();

/** Whether what would be offered of it at the guarantees' stage is of use. `freed`: how much of it is held by others now. */
function isUseful(want: Want, { least, refused }: Waiting, available: Quantities, freed: Quantities): boolean {
  const offer = offerOf(want, available, freed);
  const helps = [...want.lacking.keys()].some((name) => (offer.get(name) ?? 0) > 0);
  const isEnough = excessOver(least, offer).size === 0;
  return helps && isEnough && (refused === undefined || excessOver(offer, refused).size > 0);
}

/** What quotas let the role be offered: of what it lacks, that much; of the rest, what the guarantees of all leave. */
function offerOf({ lacking, left, surplus }: Want, available: Quantities, freed: Quantities): Map<string, number> {
  const everybodys = addQuantities(surplus, freed);
  const bounded = [...available].map(([name, amount]): [string, number] => {
    const fair = lacking.get(name) ?? Math.max(0, everybodys.get(name) ?? 0);
    return [name, Math.min(amount, fair, left.get(name) ?? Number.POSITIVE_INFINITY)];
  });
  return new Map(bounded);
}

/** The units that hurt least; undefined when even all that may be had are not enough. */
function victimsOn(want: Want, waiting: Waiting, { free, offered, units }: Holding, spare: Spare): Unit[] | undefined {
  const suffices = (chosen: readonly Unit[]) => {
    const freed = sum([offered, ...chosen.map(({ amounts }) => amounts)]);
    return isUseful(want, waiting, addQuantities(free, freed), freed);
  };
  if (suffices([])) return [];
  const inOrder = units.filter((unit) => isSpared([unit], spare)).sort(firstToGo);
  const chosen: Unit[] = [];
  for (const unit of inOrder) {
    if (!isSpared([...chosen, unit], spare)) continue;
    chosen.push(unit);
    if (suffices(chosen)) return leastOf(inOrder, chosen, suffices);
  }
  return undefined;
}

/** One alone of no higher priority, if that is enough; else the chosen ones without those that turn out not to be needed. */
function leastOf(
  inOrder: readonly Unit[],
  chosen: readonly Unit[],
  suffices: (units: readonly Unit[]) => boolean,
): Unit[] {
  const last = chosen.at(-1);
  const alone = inOrder.find((unit) => suffices([unit]));
  if (last !== undefined && alone !== undefined && comparePriority(alone, last) <= 0) return [alone];
  let needed = [...chosen];
  for (const unit of [...chosen].reverse()) {
    const others = needed.filter((other) => other !== unit);
    if (suffices(others)) needed = others;
  }
  return needed;
}

/** Whether their roles keep their guarantees without them. */
function isSpared(units: readonly Unit[], spare: Spare): boolean {
  return [...new Set(units.map(({ role }) => role))].every((role) => {
    const beyond = spare.get(role) ?? none;
    const taken = sum(units.filter((unit) => unit.role === role).map(({ amounts }) => amounts));
    return [...excessOver(taken, beyond).keys()].every((name) => !beyond.has(name));
  });
}

function firstToGo(left: Unit, right: Unit): number {
  return comparePriority(left, right) || right.since - left.since || (left.id < right.id ? -1 : 1);
}

function comparePriority({ priority: left }: Unit, { priority: right }: Unit): number {
  return left[0] - right[0] || left[1] - right[1];
}

/** Fewer of the highest priorities, then fewer, then newer ones. */
function hurtsLess({ victims: left }: Plan, { victims: right }: Plan): boolean {
  const [worst, other] = [left, right].map((victims) => [...victims].sort(firstToGo).at(-1));
  if (worst === undefined || other === undefined) return worst === undefined && other !== undefined;
  return (comparePriority(worst, other) || left.length - right.length || other.since - worst.since) < 0;
}

function sum(amounts: readonly Quantities[]): Quantities {
  return amounts.reduce(addQuantities, none);
}
