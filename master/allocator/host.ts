import type { AgentId } from '../../protocol/ids.ts';
import { type Amount, isNothing, minus, nothingLike, plus } from './amount.ts';
import { type Client, refined, revocable, shared } from './client.ts';
import { hashOf } from './hash.ts';
import { isSameKind, type Kind, type Lot } from './kind.ts';
import type { AgentFacts } from './offer-constraints.ts';
import { Parcel } from './parcel.ts';
import type { Quantities } from './quantities.ts';
import type { RoleLeaf, RoleNode } from './role-tree.ts';

/**
 * One kind of resource on an agent.
 *
 * INVARIANT: free = total - allocated, so nothing is ever given twice. There may be more allocated than there is: tasks
 * that were there before the agent shrank. Of what is shared, all is always free.
 */
export interface Slot {
  readonly kind: Kind;
  /** Of what is reserved, the role of the top level that it counts for. */
  readonly owner: RoleNode | undefined;
  total: Amount;
  allocated: Amount;
  free: Amount;
}

/** What a client holds on an agent. */
export interface Holding {
  readonly client: Client;
  readonly amounts: Quantities;
}

/** All that was free of an agent, as it was given. */
export interface Loan {
  readonly client: Client;
  readonly parcel: Parcel;
}

const nothing = new Parcel([]);

/** An agent as the allocator knows it. */
export class Host {
  readonly id: AgentId;
  /** What decides when it is its turn in a cycle, with the cycle's random number. */
  readonly hash: number;
  facts: AgentFacts;
  active = true;
  /** It left; a cycle may still have it on its list. */
  removed = false;
  /** In the order in which offers list them. */
  slots: Slot[] = [];
  /** Without the loan. */
  readonly holdings: Holding[] = [];
  /**
   * All that was free was given to one client, and that is not in the slots yet: most offers come back as they are, and then
   * nothing has changed. Not of agents of which something is reserved or special.
   */
  loan: Loan | undefined;
  hasGpus = false;
  /** In another region than the master. */
  isAway = false;
  /** How many filters hold for it. */
  filters = 0;
  /** A quota kept something of it from somebody who had nothing else against it, when it was last looked at. */
  heldBack = false;
  /** The last cycle that looks for everybody on it. */
  changedFor = -1;
  /** The cycle in which its shared resources were offered, each to one framework alone. */
  sharedIn = -1;
  /** Which of `refined`, `revocable`, `shared` there is on it. */
  #special = 0;
  /** Roles for which something of it is reserved. */
  readonly #reserved = new Set<string>();
  /** What can be given now, by leaf (0: for whom nothing is reserved) and by what a client takes. */
  #plain: Parcel | undefined;
  readonly #parcels = new Map<number, Parcel>();

  constructor(id: AgentId, facts: AgentFacts) {
    this.id = id;
    this.hash = hashOf(id);
    this.facts = facts;
  }

  slotOf(kind: Kind): Slot | undefined {
    for (const slot of this.slots) if (isSameKind(slot.kind, kind)) return slot;
    return undefined;
  }

  /** Another slot, at its place. */
  addSlot(kind: Kind, like: Amount, owner: RoleNode | undefined): Slot {
    const nothing = nothingLike(like);
    const slot = { kind, owner, total: nothing, allocated: nothing, free: nothing };
    const after = this.slots.findIndex((other) => other.kind.place > kind.place);
    this.slots.splice(after < 0 ? this.slots.length : after, 0, slot);
    this.#classify();
    return slot;
  }

  /** Slots of which nothing is left. */
  dropSlots(): void {
    this.slots = this.slots.filter(({ total, allocated }) => !isNothing(total) || !isNothing(allocated));
    this.#classify();
  }

  /** Whether something of it is reserved for that role or one above it. */
  reservesFor(leaf: RoleLeaf): boolean {
    if (this.#reserved.size === 0) return false;
    for (const role of leaf.lineage) if (this.#reserved.has(role)) return true;
    return false;
  }

  /** What is free for everybody. */
  get plain(): Parcel {
    if (this.loan !== undefined) return nothing;
    this.#plain ??= this.#parcel([], 0);
    return this.#plain;
  }

  /** Whether nobody could be given anything more in a cycle. */
  isSpent(cycle: number): boolean {
    if (this.loan !== undefined) return true;
    if (this.#plain !== undefined && !this.#plain.isEmpty) return false;
    const hidesShared = this.sharedIn === cycle;
    for (const { kind, free } of this.slots) {
      if (!isNothing(free) && !(kind.shared && hidesShared)) return false;
    }
    return true;
  }

  /** Whether some of it can be given to those alone who can tell it. */
  get isSpecial(): boolean {
    return this.#special !== 0;
  }

  /** Whether it may be lent as a whole. */
  get isPlain(): boolean {
    return this.#special === 0 && this.#reserved.size === 0;
  }

  /** What is free for a client, quotas aside. `hidesShared`: without what is shared. */
  parcelFor(client: Client, isReserved: boolean, hidesShared: boolean): Parcel {
    const takes = (hidesShared ? client.account.takes & ~shared : client.account.takes) & this.#special;
    if (!isReserved && takes === 0) return this.plain;
    const key = (isReserved ? client.leaf.id : 0) * 8 + takes;
    let parcel = this.#parcels.get(key);
    if (parcel === undefined) {
      parcel = this.#parcel(client.leaf.lineage, takes);
      this.#parcels.set(key, parcel);
    }
    return parcel;
  }

  get hasShared(): boolean {
    return (this.#special & shared) !== 0;
  }

  /** What is free has changed. */
  forgetParcels(): void {
    this.#plain = undefined;
    if (this.#parcels.size > 0) this.#parcels.clear();
  }

  holdingOf(client: Client): Holding {
    for (const holding of this.holdings) if (holding.client === client) return holding;
    const holding = { client, amounts: [] };
    this.holdings.push(holding);
    return holding;
  }

  dropHolding(holding: Holding): void {
    const index = this.holdings.indexOf(holding);
    if (index >= 0) this.holdings.splice(index, 1);
  }

  #parcel(lineage: readonly string[], takes: number): Parcel {
    const lots: Lot[] = [];
    for (const { kind, free } of this.slots) {
      if (isNothing(free)) continue;
      if (kind.reservation !== undefined && !lineage.includes(kind.reservation)) continue;
      if (kind.refined && (takes & refined) === 0) continue;
      if (kind.revocable && (takes & revocable) === 0) continue;
      if (kind.shared && (takes & shared) === 0) continue;
      lots.push({ kind, amount: free });
    }
    return new Parcel(lots);
  }

  #classify(): void {
    this.#special = 0;
    this.#reserved.clear();
    this.hasGpus = false;
    for (const { kind, total } of this.slots) {
      if (kind.reservation !== undefined) this.#reserved.add(kind.reservation);
      this.#special |= (kind.refined ? refined : 0) | (kind.revocable ? revocable : 0) | (kind.shared ? shared : 0);
      if (kind.name === 'gpus' && !isNothing(total)) this.hasGpus = true;
    }
    this.forgetParcels();
  }
}

/** Counts what is given or given back; free follows. */
export function allocate(slot: Slot, amount: Amount, sign: 1 | -1): void {
  slot.allocated = sign === 1 ? plus(slot.allocated, amount) : minus(slot.allocated, amount);
  settle(slot);
}

export function setTotal(slot: Slot, total: Amount): void {
  slot.total = total;
  settle(slot);
}

function settle(slot: Slot): void {
  slot.free = slot.kind.shared ? slot.total : minus(slot.total, slot.allocated);
}
