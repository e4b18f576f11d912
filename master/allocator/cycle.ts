import type { Allocation } from './allocator.ts';
import type { Books } from './books.ts';
import type { Client } from './client.ts';
import type { Host } from './host.ts';
import type { Offering, Stage } from './offering.ts';
import type { Ranking } from './ranking.ts';
import { RoleLeaf, type RoleNode } from './role-tree.ts';
import { Selection } from './selection.ts';
import { Shuffle } from './shuffle.ts';

export interface CycleOptions {
  number: number;
  /** Everybody is looked for on those that changed for the cycle of that number, on others only those who are fresh. */
  hosts: readonly Host[];
  fresh: readonly Client[];
  random: () => number;
}

/**
 * One pass over the agents, each in its turn, first for guarantees and then for everybody's share. Their order is drawn anew for
 * each pass, and the same for the same random number, whichever agents are left out: a cycle that looks only at what
 * changed gives what one that looks at all would give.
 */
export class Cycle {
  readonly #books: Books;
  readonly #offering: Offering;
  readonly #options: CycleOptions;
  readonly #rounds: { stage: Stage; hosts: Shuffle }[] = [];
  /** Roles of the top level whose guarantees lack something. */
  readonly #needy: Ranking<RoleNode | RoleLeaf>;
  /** Made when it is first asked. */
  #fresh: Selection | undefined;
  /** Milliseconds since the epoch. */
  #now = 0;
  #given: Client[] = [];
  #allocations: Allocation[] = [];
  /** Agents whose shared resources were hidden from others after they were offered: they have another look at it. */
  readonly hidden = new Set<Host>();

  constructor(books: Books, offering: Offering, options: CycleOptions) {
    this.#books = books;
    this.#offering = offering;
    this.#options = options;
    const { hosts, random } = options;
    this.#needy = books.tree.root.ranking.selection();
    const [first, second] = [saltOf(random), saltOf(random)];
    for (const top of books.guarantees.unmet) if (top.active > 0) this.#needy.add(top);
    if (this.#needy.size > 0) this.#rounds.push({ stage: 'guarantees', hosts: new Shuffle(hosts, first) });
    this.#rounds.push({ stage: 'shares', hosts: new Shuffle(hosts, second) });
  }

  get done(): boolean {
    return this.#rounds.length === 0;
  }

  /** Goes on, for as long as it `goesOn`, but never for nothing. */
  run(now: number, random: () => number, goesOn: () => boolean): Allocation[] {
    this.#now = now;
    this.#allocations = [];
    for (let round = this.#rounds[0]; round !== undefined; round = this.#rounds[0]) {
      if (!round.hosts.isFilled && !(round.hosts.fill(goesOn) && goesOn())) break;
      const host = round.hosts.next();
      if (host === undefined) {
        this.#rounds.shift();
        continue;
      }
      this.#look(host, round.stage);
      this.#settle(random);
      if (!goesOn()) break;
    }
    return this.#allocations;
  }

  #look(host: Host, stage: Stage): void {
    if (host.removed || !host.active || host.isSpent(this.#options.number)) return;
    const { tree } = this.#books;
    const looksForAll = host.changedFor >= this.#options.number;
    if (stage === 'shares') {
      if (looksForAll) host.heldBack = false;
      this.#visit(tree.root, host, stage, looksForAll);
      return;
    }
    this.#needy.sort(this.#books);
    for (let index = 0; index < this.#needy.size && !host.isSpent(this.#options.number); index++) {
      const top = this.#needy.at(index);
      if (top !== undefined && !(top instanceof RoleLeaf)) this.#visit(top, host, stage, looksForAll);
    }
  }

  #selection(): Selection {
    this.#fresh ??= new Selection(this.#options.fresh);
    return this.#fresh;
  }

  /** Whether nothing is left to give. */
  #visit(node: RoleNode, host: Host, stage: Stage, looksForAll: boolean): boolean {
    const ranking = looksForAll ? node.ranking : this.#selection().of(node);
    if (ranking === undefined) return false;
    ranking.sort(this.#books);
    for (let index = 0; index < ranking.size; index++) {
      const next = ranking.at(index);
      if (next === undefined) continue;
      const isSpent =
        next instanceof RoleLeaf
          ? this.#offerTo(next, host, stage, looksForAll)
          : this.#visit(next, host, stage, looksForAll);
      if (isSpent) return true;
    }
    return false;
  }

  #offerTo(leaf: RoleLeaf, host: Host, stage: Stage, looksForAll: boolean): boolean {
    const { number } = this.#options;
    const isReserved = host.reservesFor(leaf);
    if (!isReserved && !host.isSpecial && host.plain.isEmpty) return false;
    const ranking = looksForAll ? leaf.ranking : this.#selection().clientsOf(leaf);
    if (ranking === undefined) return false;
    ranking.sort(this.#books);
    for (let index = 0; index < ranking.size; index++) {
      const client = ranking.at(index);
      // Since the cycle began, it may have ceased to take offers.
      if (!client?.ranked) continue;
      const hidesShared = host.sharedIn === number;
      const parcel = this.#offering.judge(stage, host, client, isReserved, hidesShared);
      if (typeof parcel === 'string') {
        client.passedOver.note(parcel, host, this.#now);
        continue;
      }
      if (host.isPlain && parcel === host.plain) this.#books.lend(host, client, parcel);
      else this.#books.charge(host, client, parcel.lots, 1);
      this.#given.push(client);
      const { resources } = parcel;
      this.#allocations.push({ framework: client.account.id, role: client.role, agent: host.id, resources });
      if (host.hasShared && parcel.lots.some(({ kind }) => kind.shared)) {
        host.sharedIn = number;
        this.hidden.add(host);
      }
      if (host.isSpent(number)) return true;
    }
    return false;
  }

  /** Who was given something takes his new place, and so do his role and those above it. */
  #settle(random: () => number): void {
    if (this.#given.length === 0) return;
    for (const client of this.#given) {
      const { leaf } = client;
      client.passedOver.clear();
      leaf.ranking.serve(client, this.#books, random);
      leaf.node.ranking.serve(leaf, this.#books, random);
      for (let node = leaf.node; node.parent !== undefined; node = node.parent) {
        node.parent.ranking.serve(node, this.#books, random);
      }
      this.#fresh?.settle(client, this.#books);
      const { top } = leaf.node;
      if (this.#needy.size === 0) continue;
      if (this.#books.guarantees.unmet.has(top)) this.#needy.settle(top, this.#books);
      else this.#needy.remove(top);
    }
    this.#given = [];
  }
}

function saltOf(random: () => number): number {
  return Math.floor(random() * 2 ** 32);
}
