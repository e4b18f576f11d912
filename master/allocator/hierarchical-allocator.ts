import type { AgentId, FrameworkId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import type { Conversion } from '../../protocol/resource-operations.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { rolesOf } from '../state.ts';
import type { Allocation, Allocator, Demand } from './allocator.ts';
import { Books } from './books.ts';
import { Account, Client } from './client.ts';
import { Cycle } from './cycle.ts';
import { explain } from './explanation.ts';
import { Filters } from './filters.ts';
import { Host } from './host.ts';
import type { Minimum } from './minimum.ts';
import { minimumsOf } from './minimum.ts';
import type { AgentFacts } from './offer-constraints.ts';
import { Offering } from './offering.ts';
import { isNone } from './quantities.ts';
import { type Sorting, sorters } from './sorting.ts';
import type { Quota, Reason, Standing } from './standing.ts';
import { standingOf } from './standings.ts';
import { needsOf, objection } from './suitability.ts';

export interface HierarchicalAllocatorOptions {
  /** What makes an offer worth making, where a framework does not say otherwise. */
  minimum: Minimum;
  /** Whether agents with GPUs are kept for frameworks with GPU_RESOURCES. */
  filterGpus: boolean;
  /** The master's region; agents of other ones are for frameworks with REGION_AWARE. */
  region: string | undefined;
  /** In which order roles, and the frameworks of a role, are served. */
  roleSorter: Sorting;
  frameworkSorter: Sorting;
  /** Names of scalars that do not count towards shares. */
  excludedFromShares: readonly string[];
}

const defaults: HierarchicalAllocatorOptions = {
  minimum: [new Map([['cpus', 0.01]]), new Map([['mem', 32]])],
  filterGpus: true,
  region: undefined,
  roleSorter: 'drf',
  frameworkSorter: 'drf',
  excludedFromShares: [],
};

/**
 * Fair sharing over a tree of roles, and inside a role over frameworks, with weights, quotas, reservations and filters; an
 * agent's free resources go whole to the first one that takes them. docs/allocator.md tells how it decides.
 * Source: Mesos' hierarchical allocator.
 *
 * A cycle looks only at what may have another outcome than the last time: agents of which something came free or whose filters
 * ended, and for frameworks that take offers again, all of them.
 */
export class HierarchicalAllocator implements Allocator {
  readonly #options: HierarchicalAllocatorOptions;
  readonly #books: Books;
  readonly #filters = new Filters();
  readonly #offering: Offering;
  readonly #accounts = new Map<FrameworkId, Account>();
  readonly #hosts = new Map<AgentId, Host>();
  /** Agents that the next cycle looks at for everybody. */
  #changed: Host[] = [];
  /** Clients that the next cycle looks for on all agents. */
  #fresh: Client[] = [];
  /** Something changed that guarantees and limits depend on. */
  #haveQuotasMoved = false;
  /** The number of the next cycle. */
  #number = 0;
  #cycle: Cycle | undefined;
  #isExpiring = false;
  #arrivals = 0;

  constructor(options: Partial<HierarchicalAllocatorOptions> = {}) {
    this.#options = { ...defaults, ...options };
    const { roleSorter, frameworkSorter, excludedFromShares, minimum, filterGpus } = this.#options;
    const chosen = { role: sorters[roleSorter], framework: sorters[frameworkSorter] };
    this.#books = new Books(chosen, excludedFromShares);
    this.#offering = new Offering(this.#books, this.#filters, {
      needs: needsOf(minimum, this.#books.names),
      filterGpus,
    });
  }

  addFramework(id: FrameworkId, demand: Demand): void {
    const account = new Account(id, this.#arrivals++, demand);
    this.#accounts.set(id, account);
    this.#setDemand(account, demand);
  }

  updateFramework(id: FrameworkId, demand: Demand): void {
    this.#setDemand(this.#account(id), demand);
  }

  activateFramework(id: FrameworkId): void {
    const account = this.#account(id);
    account.active = true;
    for (const client of account.clients.values()) this.#rank(client);
  }

  deactivateFramework(id: FrameworkId): void {
    const account = this.#account(id);
    account.active = false;
    for (const client of account.clients.values()) {
      this.#rank(client);
      this.#filters.clearClient(client);
    }
  }

  removeFramework(id: FrameworkId): void {
    const account = this.#account(id);
    this.deactivateFramework(id);
    for (const client of account.clients.values()) {
      client.wanted = false;
      this.#forgetUnused(client);
    }
    this.#accounts.delete(id);
  }

  addAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void {
    const host = new Host(id, facts);
    this.#hosts.set(id, host);
    this.#setFacts(host, facts);
    this.#books.setTotals(host, total);
    this.#touch(host);
  }

  updateAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void {
    const host = this.#host(id);
    if (!sameContent(host.facts.attributes, facts.attributes)) this.#clearFilters(host);
    this.#setFacts(host, facts);
    this.#books.setTotals(host, total);
    this.#touch(host);
  }

  activateAgent(id: AgentId): void {
    const host = this.#host(id);
    this.#books.setActive(host, true);
    this.#touch(host);
  }

  deactivateAgent(id: AgentId): void {
    this.#books.setActive(this.#host(id), false);
    this.#haveQuotasMoved = true;
  }

  removeAgent(id: AgentId): void {
    const host = this.#host(id);
    this.#books.remove(host);
    this.#clearFilters(host);
    this.#hosts.delete(id);
    this.#haveQuotasMoved = true;
  }

  charge({ framework, role, agent, resources }: Allocation): void {
    const client = this.#client(this.#account(framework), role);
    this.#books.charge(this.#host(agent), client, this.#books.kinds.lotsOf(resources), 1);
    this.#books.unsettle(client);
    this.#haveQuotasMoved = true;
  }

  recover(
    { framework, role, agent, resources }: Allocation,
    filter: { refuseSeconds: number } | undefined,
    now: number,
  ): void {
    const [account, host] = [this.#accounts.get(framework), this.#hosts.get(agent)];
    // What is removed has nothing any more.
    if (account === undefined || host === undefined) return;
    const client = this.#client(account, role);
    const { loan } = host;
    const isLoan = loan?.client === client && loan.parcel.resources === resources;
    const lots = isLoan ? loan.parcel.lots : this.#books.kinds.lotsOf(resources);
    if (isLoan) this.#books.endLoan(host, loan);
    else this.#books.charge(host, client, lots, -1);
    this.#books.unsettle(client);
    this.#touch(host);
    if (filter !== undefined && filter.refuseSeconds > 0) {
      this.#filters.add(client, host, lots, now + filter.refuseSeconds * 1000);
    }
    this.#forgetUnused(client);
  }

  convert(
    agent: AgentId,
    { consumed, converted }: Conversion,
    holder: { framework: FrameworkId; role: string } | undefined,
  ): void {
    const host = this.#host(agent);
    const client = holder === undefined ? undefined : this.#client(this.#account(holder.framework), holder.role);
    this.#books.convert(host, client, consumed, converted);
    if (client !== undefined) this.#books.unsettle(client);
    this.#touch(host);
  }

  suppress(id: FrameworkId, roles: readonly string[]): void {
    for (const client of this.#clientsIn(id, roles)) {
      client.suppressed = true;
      this.#rank(client);
    }
  }

  revive(id: FrameworkId, roles: readonly string[]): void {
    for (const client of this.#clientsIn(id, roles)) {
      client.suppressed = false;
      this.#filters.clearClient(client);
      this.#rank(client);
      this.#refresh(client);
    }
  }

  setWeight(role: string, weight: number | undefined): void {
    this.#books.tree.setWeight(role, weight);
  }

  setQuota(role: string, quota: Quota | undefined): void {
    this.#books.setQuota(role, quota);
    this.#changeHeldBack();
  }

  filtersByRole(): ReadonlyMap<string, number> {
    return this.#filters.count();
  }

  get unfinished(): boolean {
    return this.#isExpiring || this.#cycle !== undefined;
  }

  allocate(now: number, random: () => number, goesOn: () => boolean = () => true): Allocation[] {
    if (this.#cycle === undefined) {
      this.#isExpiring = !this.#expire(now, goesOn);
      if (this.#isExpiring) return [];
      this.#cycle = this.#newCycle(random);
    }
    const cycle = this.#cycle;
    const allocations = cycle.run(now, random, goesOn);
    if (cycle.done) {
      for (const host of cycle.hidden) this.#change(host);
      this.#cycle = undefined;
    }
    return allocations;
  }

  explain(framework: FrameworkId, role: string, agent: AgentId, now: number): Reason | undefined {
    const account = this.#account(framework);
    const host = this.#host(agent);
    return explain({ account, role, host, now }, this.#books, this.#offering, this.#filters);
  }

  suits(framework: FrameworkId, role: string, agent: AgentId): boolean {
    const client = this.#account(framework).clients.get(role);
    const host = this.#host(agent);
    return client?.ranked === true && host.active && objection(client, host, this.#options.filterGpus) === undefined;
  }

  standing(role: string, framework?: FrameworkId): Standing | undefined {
    const account = framework === undefined ? undefined : this.#accounts.get(framework);
    return standingOf(this.#books, role, framework, account?.clients.get(role));
  }

  /** Filters may end by the hundred thousand at once, so that has slices as well. Whether all are through that are over. */
  #expire(now: number, goesOn: () => boolean): boolean {
    for (let count = 1; ; count++) {
      const filter = this.#filters.expireNext(now);
      if (filter === undefined) return true;
      if (filter.client.ranked) this.#change(filter.host);
      if (count % 256 === 0 && !goesOn()) return false;
    }
  }

  #newCycle(random: () => number): Cycle {
    const isPressed = this.#haveQuotasMoved && this.#books.guarantees.tops.size > 0;
    if (isPressed) this.#changeHeldBack();
    const fresh = this.#fresh.filter(({ ranked }) => ranked);
    const hosts = fresh.length > 0 ? [...this.#hosts.values()] : this.#changed;
    this.#changed = [];
    this.#fresh = [];
    this.#haveQuotasMoved = false;
    const number = this.#number++;
    return new Cycle(this.#books, this.#offering, { number, hosts, fresh, random });
  }

  #setDemand(account: Account, demand: Demand): void {
    const roles = rolesOf(demand.info);
    const suppressed = new Set(demand.suppressedRoles);
    const dropped = [...account.clients.values()].filter(({ wanted, role }) => wanted && !roles.includes(role));
    for (const role of roles) {
      const client = this.#client(account, role);
      if (client.suppressed && !suppressed.has(role)) this.#filters.clearClient(client);
      client.wanted = true;
      client.suppressed = suppressed.has(role);
    }
    for (const client of dropped) client.wanted = false;
    account.update(demand, minimumsOf(demand.info), this.#books.names);
    for (const client of account.clients.values()) {
      this.#rank(client);
      // By its priority it may have another place.
      client.leaf.ranking.unsettle();
      this.#refresh(client);
    }
    for (const client of dropped) {
      this.#filters.clearClient(client);
      this.#forgetUnused(client);
    }
  }

  /** Lets a client take part, or not, as things are. */
  #rank(client: Client): void {
    const { leaf, account } = client;
    const ranked = client.wanted && !client.suppressed && account.active;
    if (ranked === client.ranked) return;
    client.ranked = ranked;
    if (ranked) {
      leaf.ranking.add(client);
      this.#books.tree.count(leaf, 1);
      this.#refresh(client);
    } else {
      leaf.ranking.remove(client);
      this.#books.tree.count(leaf, -1);
    }
  }

  /** The next cycle looks for a client on all agents. */
  #refresh(client: Client): void {
    if (!client.ranked || client.freshIn === this.#number) return;
    client.freshIn = this.#number;
    this.#fresh.push(client);
  }

  /** The next cycle looks for everybody on an agent. */
  #change(host: Host): void {
    if (host.changedFor === this.#number) return;
    host.changedFor = this.#number;
    this.#changed.push(host);
  }

  /** Quotas may leave more than they did. */
  #changeHeldBack(): void {
    for (const host of this.#hosts.values()) if (host.heldBack) this.#change(host);
  }

  #touch(host: Host): void {
    this.#change(host);
    this.#haveQuotasMoved = true;
  }

  #setFacts(host: Host, facts: AgentFacts): void {
    const { region } = this.#options;
    const home = facts.domain?.fault_domain?.region.name ?? region;
    host.facts = facts;
    host.isAway = region !== undefined && home !== region;
  }

  #clearFilters(host: Host): void {
    for (const account of this.#accounts.values()) {
      if (host.filters === 0) return;
      for (const client of account.clients.values()) this.#filters.clear(client, host);
    }
  }

  /** The client of a role; one without that role, too, may have something allocated for it. */
  #client(account: Account, role: string): Client {
    const known = account.clients.get(role);
    if (known !== undefined) return known;
    const leaf = this.#books.tree.leaf(role);
    const client = new Client(account, leaf);
    client.wanted = false;
    account.clients.set(role, client);
    leaf.clients.add(client);
    return client;
  }

  #forgetUnused(client: Client): void {
    if (client.wanted || !isNone(client.allocated)) return;
    const { account, leaf, role } = client;
    this.#filters.clearClient(client);
    account.clients.delete(role);
    leaf.clients.delete(client);
    this.#books.tree.prune(leaf.node);
  }

  #clientsIn(id: FrameworkId, roles: readonly string[]): Client[] {
    const wanted = [...this.#account(id).clients.values()].filter((client) => client.wanted);
    return roles.length === 0 ? wanted : wanted.filter(({ role }) => roles.includes(role));
  }

  #account(id: FrameworkId): Account {
    const account = this.#accounts.get(id);
    if (account === undefined) throw new Error(`the allocator does not know framework ${id}`);
    return account;
  }

  #host(id: AgentId): Host {
    const host = this.#hosts.get(id);
    if (host === undefined) throw new Error(`the allocator does not know agent ${id}`);
    return host;
  }
}
