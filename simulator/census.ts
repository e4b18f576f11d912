import type { MasterState } from '../master/state.ts';
import type { Resource } from '../protocol/messages.ts';
import { isTerminal } from '../protocol/task-state.ts';
import type { SimulatedScheduler } from './simulated-scheduler.ts';

/** Amounts of scalars by name. */
export type Amounts = ReadonlyMap<string, number>;

/** How the cluster looked at one time. */
export interface Sample {
  /** Seconds. */
  readonly at: number;
  readonly total: Amounts;
  /** By tasks. */
  readonly used: Amounts;
  /** In offers that nobody has answered yet. */
  readonly offered: Amounts;
  readonly running: number;
  readonly waiting: number;
  /** Jain's index of the weighted shares of the roles that would have more: 1 is fair; undefined where they are fewer than two. */
  readonly fairness: number | undefined;
  readonly roles: ReadonlyMap<string, RoleSample>;
}

export interface RoleSample {
  /** The largest fraction of any of the cluster's scalars that its tasks use. */
  readonly share: number;
  readonly running: number;
  readonly waiting: number;
  /** Whether one of its frameworks would launch more. */
  readonly wants: boolean;
}

interface Holdings {
  readonly used: Map<string, number>;
  running: number;
}

/** Counts, from the master's own books. `roles`: all to be told of. */
export function takeCensus(
  state: MasterState,
  schedulers: readonly SimulatedScheduler[],
  roles: readonly string[],
  at: number,
): Sample {
  const total = new Map<string, number>();
  for (const agent of state.agents.values()) enter(total, agent.total);
  const offered = new Map<string, number>();
  for (const offer of state.offers.values()) enter(offered, offer.resources);
  const holdings = holdingsByRole(state);
  const used = new Map<string, number>();
  const samples = new Map<string, RoleSample>();
  let running = 0;
  for (const role of roles) {
    const held = holdings.get(role);
    for (const [name, amount] of held?.used ?? []) used.set(name, (used.get(name) ?? 0) + amount);
    running += held?.running ?? 0;
    const members = schedulers.filter(({ group }) => group.role === role);
    samples.set(role, {
      share: dominantShare(held?.used ?? new Map(), total),
      running: held?.running ?? 0,
      waiting: members.reduce((sum, { waiting }) => sum + waiting, 0),
      wants: members.some(({ wants }) => wants),
    });
  }
  const waiting = [...samples.values()].reduce((sum, role) => sum + role.waiting, 0);
  const fairness = jain(
    [...samples].flatMap(([role, { share, wants }]) => (wants ? [share / (state.weights.get(role) ?? 1)] : [])),
  );
  return { at, total, used, offered, running, waiting, fairness, roles: samples };
}

export function fraction(part: Amounts, whole: Amounts, name: string): number {
  const all = whole.get(name) ?? 0;
  return all === 0 ? 0 : (part.get(name) ?? 0) / all;
}

/** (Σx)² / (n Σx²): 1 when all have the same, 1/n when one has everything. */
function jain(shares: readonly number[]): number | undefined {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return shares.length < 2 || squares === 0 ? undefined : (sum * sum) / (shares.length * squares);
}

function holdingsByRole(state: MasterState): Map<string, Holdings> {
  const holdings = new Map<string, Holdings>();
  for (const agent of state.agents.values()) {
    for (const task of agent.tasks.values()) {
      if (isTerminal(task.state)) continue;
      const role = task.resources?.[0]?.allocation_info?.role ?? '*';
      const held = holdings.get(role) ?? { used: new Map(), running: 0 };
      holdings.set(role, held);
      enter(held.used, task.resources ?? []);
      held.running++;
    }
  }
  return holdings;
}

function dominantShare(used: Amounts, total: Amounts): number {
  let share = 0;
  for (const name of used.keys()) share = Math.max(share, fraction(used, total, name));
  return share;
}

function enter(amounts: Map<string, number>, resources: readonly Resource[]): void {
  for (const { name, type, scalar } of resources) {
    if (type === 'SCALAR') amounts.set(name, (amounts.get(name) ?? 0) + (scalar?.value ?? 0));
  }
}
