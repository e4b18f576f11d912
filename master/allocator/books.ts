import type { Resource } from '../../protocol/messages.ts';
import { type Amount, isNothing, minus, nothingLike, plus } from './amount.ts';
import type { Client } from './client.ts';
import type { Contender } from './contender.ts';
import { allocate, type Host, type Loan, type Slot, setTotal } from './host.ts';
import { type Kind, Kinds, type Lot, quantityOf } from './kind.ts';
import type { Parcel } from './parcel.ts';
import { change, isNone, type Quantities, ScalarNames } from './quantities.ts';
import type { Measure } from './ranking.ts';
import { Guarantees, RoleQuota } from './role-quota.ts';
import { type RoleNode, RoleTree, type Sorters } from './role-tree.ts';
import type { Quota } from './standing.ts';

/**
 * Who has what: of each agent, framework and role, and of the cluster.
 *
 * INVARIANTS
 * - What a client has is the sum of its holdings on all agents; what a role has, that of its clients and of all roles below.
 * - `available` is the sum of what is free and open on active agents.
 */
export class Books implements Measure {
  readonly names = new ScalarNames();
  readonly kinds = new Kinds(this.names);
  readonly tree: RoleTree;
  readonly guarantees = new Guarantees();
  readonly available: Quantities = [];
  readonly #total: Quantities = [];
  /** Scalars that do not count towards shares. */
  readonly #excluded: boolean[] = [];
  version = 0;

  constructor(sorters: Sorters, excluded: readonly string[]) {
    this.tree = new RoleTree(sorters);
    for (const name of excluded) this.#excluded[this.names.numberOf(name)] = true;
  }

  shareOf({ allocated, weight }: Contender): number {
    let share = 0;
    for (let scalar = 0; scalar < allocated.length; scalar++)
      share = Math.max(share, this.#fraction(allocated, scalar));
    return share / weight;
  }

  /** The largest fraction of any of the cluster's scalars, and of which. */
  dominantOf({ allocated }: Contender): { share: number; scalar: number | undefined } {
    const fractions = allocated.map((_, scalar) => this.#fraction(allocated, scalar));
    const share = Math.max(0, ...fractions);
    return { share, scalar: share === 0 ? undefined : fractions.indexOf(share) };
  }

  #fraction(allocated: Quantities, scalar: number): number {
    const total = this.#total[scalar] ?? 0;
    if (total <= 0 || this.#excluded[scalar]) return 0;
    return (allocated[scalar] ?? 0) / total;
  }

  /** What is available beyond what guarantees lack, in thousandths. */
  surplusOf(scalar: number): number {
    return Math.max(0, (this.available[scalar] ?? 0) - (this.guarantees.required[scalar] ?? 0));
  }

  /** Replaces all that there is of an agent; what is allocated stays. */
  setTotals(host: Host, resources: readonly Resource[]): void {
    this.settleLoan(host);
    for (const slot of host.slots) this.#setTotal(host, slot, nothingLike(slot.total));
    const allocated = host.slots.filter((slot) => !isNothing(slot.allocated));
    host.slots = [];
    for (const { kind, amount } of this.kinds.lotsOf(resources)) {
      const slot = host.slotOf(kind) ?? host.addSlot(kind, amount, this.#ownerOf(kind));
      this.#setTotal(host, slot, plus(slot.total, amount));
    }
    for (const old of allocated) {
      const slot = host.slotOf(old.kind) ?? host.addSlot(old.kind, old.allocated, old.owner);
      this.#uncount(host, old);
      this.#uncount(host, slot);
      allocate(slot, old.allocated, 1);
      this.#count(host, slot);
    }
    host.dropSlots();
    this.version++;
  }

  /** What an operation makes of one thing: another, of the same amounts. `client`: who holds it; undefined: it is free. */
  convert(host: Host, client: Client | undefined, consumed: readonly Resource[], converted: readonly Resource[]): void {
    this.settleLoan(host);
    const [before, after] = [this.kinds.lotsOf(consumed), this.kinds.lotsOf(converted)];
    if (client !== undefined) this.charge(host, client, before, -1);
    for (const { kind, amount } of before) {
      const slot = host.slotOf(kind);
      if (slot !== undefined) this.#setTotal(host, slot, minus(slot.total, amount));
    }
    host.dropSlots();
    for (const { kind, amount } of after) {
      const slot = host.slotOf(kind) ?? host.addSlot(kind, amount, this.#ownerOf(kind));
      this.#setTotal(host, slot, plus(slot.total, amount));
    }
    if (client !== undefined) this.charge(host, client, after, 1);
    host.forgetParcels();
    for (const { kind } of before) if (kind.reservation !== undefined) this.#prune(kind.reservation);
  }

  setActive(host: Host, active: boolean): void {
    if (host.active === active) return;
    this.settleLoan(host);
    for (const slot of host.slots) this.#uncount(host, slot);
    host.active = active;
    for (const slot of host.slots) this.#count(host, slot);
  }

  /** Nothing of it may be allocated any more. */
  remove(host: Host): void {
    this.settleLoan(host);
    const [held] = host.holdings;
    if (held !== undefined)
      throw new Error(`agent ${host.id} is removed, and ${held.client.account.id} has some of it`);
    const roles = host.slots.flatMap(({ kind }) => kind.reservation ?? []);
    this.setTotals(host, []);
    host.removed = true;
    for (const role of roles) this.#prune(role);
  }

  /** Gives a client all that is free of an agent. Rankings are for the caller to put in order, as below. */
  lend(host: Host, client: Client, parcel: Parcel): void {
    this.#countLoan(client, parcel, 1);
    this.#countAllocation(client);
    host.loan = { client, parcel };
  }

  /** The client gives it back as it was. */
  endLoan(host: Host, { client, parcel }: Loan): void {
    this.#countLoan(client, parcel, -1);
    host.loan = undefined;
  }

  /** Writes a loan down as what it is. */
  settleLoan(host: Host): void {
    const { loan } = host;
    if (loan === undefined) return;
    const holding = host.holdingOf(loan.client);
    for (const { kind, amount } of loan.parcel.lots) {
      const slot = host.slotOf(kind);
      if (slot !== undefined) allocate(slot, amount, 1);
      if (kind.scalar >= 0) change(holding.amounts, kind.scalar, quantityOf(kind, amount));
    }
    host.loan = undefined;
    host.forgetParcels();
  }

  /** Gives to a client, or takes back. */
  charge(host: Host, client: Client, lots: readonly Lot[], sign: 1 | -1): void {
    this.settleLoan(host);
    const { leaf } = client;
    const { top } = leaf.node;
    const holding = host.holdingOf(client);
    let isGone = false;
    for (const { kind, amount } of lots) {
      const known = host.slotOf(kind);
      // It was never given.
      if (known === undefined && sign === -1) continue;
      const slot = known ?? host.addSlot(kind, amount, this.#ownerOf(kind));
      if (kind.scalar < 0) {
        allocate(slot, amount, sign);
        isGone ||= sign === -1 && isNothing(slot.total) && isNothing(slot.allocated);
        continue;
      }
      this.#uncountShare(host, slot);
      allocate(slot, amount, sign);
      this.#countShare(host, slot);
      isGone ||= sign === -1 && slot.total === 0 && slot.allocated === 0;
      const quantity = sign * quantityOf(kind, amount);
      change(holding.amounts, kind.scalar, quantity);
      change(client.allocated, kind.scalar, quantity);
      change(leaf.allocated, kind.scalar, quantity);
      for (let node: RoleNode | undefined = leaf.node; node !== undefined; node = node.parent) {
        change(node.allocated, kind.scalar, quantity);
      }
      if (kind.open) {
        change(top.unreserved, kind.scalar, quantity);
        this.guarantees.settle(top, kind.scalar);
      }
    }
    if (sign === 1) this.#countAllocation(client);
    else if (isNone(holding.amounts)) host.dropHolding(holding);
    if (isGone) host.dropSlots();
    host.forgetParcels();
  }

  /** What is told of a client has changed from outside. */
  unsettle(client: Client): void {
    const { leaf } = client;
    leaf.ranking.unsettle(client);
    leaf.node.ranking.unsettle(leaf);
    for (let node = leaf.node; node.parent !== undefined; node = node.parent) node.parent.ranking.unsettle(node);
  }

  setQuota(role: string, quota: Quota | undefined): void {
    const top = quota === undefined ? this.tree.find(role) : this.tree.node(role);
    if (top === undefined) return;
    this.guarantees.set(top, quota === undefined ? undefined : new RoleQuota(quota, this.names));
    this.tree.prune(top);
  }

  /** All of it is open. */
  #countLoan({ allocated, leaf }: Client, { scalars }: Parcel, sign: 1 | -1): void {
    const { top } = leaf.node;
    for (let scalar = 0; scalar < scalars.length; scalar++) {
      const quantity = sign * (scalars[scalar] ?? 0);
      if (quantity === 0) continue;
      change(this.available, scalar, -quantity);
      change(allocated, scalar, quantity);
      change(leaf.allocated, scalar, quantity);
      for (let node: RoleNode | undefined = leaf.node; node !== undefined; node = node.parent) {
        change(node.allocated, scalar, quantity);
      }
      change(top.unreserved, scalar, quantity);
      this.guarantees.settle(top, scalar);
    }
  }

  #countAllocation(client: Client): void {
    client.allocations++;
    client.leaf.allocations++;
    for (let node: RoleNode | undefined = client.leaf.node; node !== undefined; node = node.parent) node.allocations++;
  }

  #ownerOf({ reservation, revocable }: Kind): RoleNode | undefined {
    return reservation === undefined || revocable ? undefined : this.tree.node(reservation).top;
  }

  #prune(role: string): void {
    const node = this.tree.find(role);
    if (node !== undefined) this.tree.prune(node);
  }

  #setTotal(host: Host, slot: Slot, total: Amount): void {
    this.#uncount(host, slot);
    setTotal(slot, total);
    this.#count(host, slot);
  }

  #count(host: Host, slot: Slot): void {
    if (slot.kind.scalar < 0) return;
    change(this.#total, slot.kind.scalar, quantityOf(slot.kind, slot.total));
    this.#countShare(host, slot);
  }

  #uncount(host: Host, slot: Slot): void {
    if (slot.kind.scalar < 0) return;
    change(this.#total, slot.kind.scalar, -quantityOf(slot.kind, slot.total));
    this.#uncountShare(host, slot);
  }

  /** What a slot means for quotas. */
  #countShare(host: Host, slot: Slot): void {
    this.#shift(host, slot, 1);
    if (slot.owner !== undefined) this.guarantees.settle(slot.owner, slot.kind.scalar);
  }

  #uncountShare(host: Host, slot: Slot): void {
    this.#shift(host, slot, -1);
  }

  #shift(host: Host, { kind, owner, total, allocated, free }: Slot, sign: 1 | -1): void {
    if (owner !== undefined) {
      const most = kind.shared
        ? quantityOf(kind, total)
        : Math.max(quantityOf(kind, total), quantityOf(kind, allocated));
      change(owner.reserved, kind.scalar, sign * most);
    } else if (kind.open && host.active) change(this.available, kind.scalar, sign * quantityOf(kind, free));
  }
}
