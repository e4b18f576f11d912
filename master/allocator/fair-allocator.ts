import type { AgentId, FrameworkId } from '../../protocol/ids.ts';
import type { FrameworkInfo, Resource } from '../../protocol/messages.ts';
import type { Conversion } from '../../protocol/resource-operations.ts';
import { add, reservationRole, scalarOf, subtract } from '../../protocol/resources.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { hasCapability } from '../../protocol/task-state.ts';
import type { Allocation, Allocator, Demand } from './allocator.ts';
import { isWorthAnOffer, type Minimum, minimumsOf } from './minimum.ts';
import { type AgentFacts, isExcluded, type OfferConstraints } from './offer-constraints.ts';
import { OfferFilters } from './offer-filters.ts';
import type { Quota, Reason, Standing } from './standing.ts';

export interface FairAllocatorOptions {
  /** What makes an offer worth making, where a framework does not say otherwise. */
  minimum: Minimum;
  /** Whether agents with GPUs are kept for frameworks with GPU_RESOURCES. */
  filterGpus: boolean;
  /** The master's region; agents of other ones are for frameworks with REGION_AWARE. */
  region: string | undefined;
}

const defaults: FairAllocatorOptions = {
  minimum: [new Map([['cpus', 0.01]]), new Map([['mem', 32]])],
  filterGpus: true,
  region: undefined,
};

interface Client {
  readonly id: FrameworkId;
  info: FrameworkInfo;
  roles: string[];
  suppressed: Set<string>;
  constraints: OfferConstraints;
  minimums: Map<string, Minimum>;
  active: boolean;
}

interface Host {
  readonly id: AgentId;
  facts: AgentFacts;
  total: Resource[];
  /** May be more than there is: tasks that were there before the agent shrank. */
  allocated: Resource[];
  free: Resource[];
  active: boolean;
}

/** Amounts of scalars by name. */
type Quantities = Map<string, number>;

/**
 * Dominant resource fairness over roles, and inside a role over frameworks; every agent's free resources go whole to
 * the one with the smallest share that does not refuse them. Source: Mesos' allocator without quota, weights and hierarchy.
 *
 * INVARIANT: on each agent, free = total - what is allocated, so nothing is ever given twice.
 */
export class FairAllocator implements Allocator {
  readonly #options: FairAllocatorOptions;
  readonly #clients = new Map<FrameworkId, Client>();
  readonly #hosts = new Map<AgentId, Host>();
  readonly #filters = new OfferFilters();
  readonly #cluster: Quantities = new Map();
  /** Key: role, or role and framework. */
  readonly #allocated = new Map<string, Quantities>();
  readonly #allocations = new Map<string, number>();
  readonly #weights = new Map<string, number>();
  readonly #quotas = new Map<string, Quota>();
  readonly unfinished = false;

  constructor(options: Partial<FairAllocatorOptions> = {}) {
    this.#options = { ...defaults, ...options };
  }

  addFramework(id: FrameworkId, demand: Demand): void {
    this.#clients.set(id, { id, active: false, ...wishes(demand) });
  }

  updateFramework(id: FrameworkId, demand: Demand): void {
    const client = this.#client(id);
    const { roles, suppressed } = client;
    Object.assign(client, wishes(demand));
    for (const role of roles) {
      const revived = suppressed.has(role) && !client.suppressed.has(role);
      if (revived || !client.roles.includes(role)) this.#filters.clear(id, role);
    }
  }

  activateFramework(id: FrameworkId): void {
    this.#client(id).active = true;
  }

  deactivateFramework(id: FrameworkId): void {
    this.#client(id).active = false;
    this.#filters.clearFramework(id);
  }

  removeFramework(id: FrameworkId): void {
    for (const role of this.#client(id).roles) this.#allocations.delete(`${role}\n${id}`);
    this.#clients.delete(id);
    this.#filters.clearFramework(id);
  }

  addAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void {
    this.#hosts.set(id, { id, facts, total: [...total], allocated: [], free: [...total], active: true });
    change(this.#cluster, total, 1);
  }

  updateAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void {
    const host = this.#host(id);
    change(this.#cluster, host.total, -1);
    change(this.#cluster, total, 1);
    host.total = [...total];
    host.free = freeOf(host);
    if (!sameContent(host.facts.attributes, facts.attributes)) this.#filters.clearAgent(id);
    host.facts = facts;
  }

  activateAgent(id: AgentId): void {
    this.#host(id).active = true;
  }

  deactivateAgent(id: AgentId): void {
    this.#host(id).active = false;
  }

  removeAgent(id: AgentId): void {
    change(this.#cluster, this.#host(id).total, -1);
    this.#hosts.delete(id);
    this.#filters.clearAgent(id);
  }

  charge(allocation: Allocation): void {
    const host = this.#host(allocation.agent);
    host.allocated = add(host.allocated, allocation.resources);
    host.free = freeOf(host);
    this.#count(allocation, 1);
  }

  recover(allocation: Allocation, filter: { refuseSeconds: number } | undefined, now: number): void {
    this.#count(allocation, -1);
    const host = this.#hosts.get(allocation.agent);
    if (host !== undefined) {
      host.allocated = subtract(host.allocated, allocation.resources);
      host.free = freeOf(host);
    }
    if (filter !== undefined && filter.refuseSeconds > 0 && this.#clients.has(allocation.framework)) {
      this.#filters.add(allocation, now + filter.refuseSeconds * 1000);
    }
  }

  convert(
    agent: AgentId,
    { consumed, converted }: Conversion,
    holder: { framework: FrameworkId; role: string } | undefined,
  ): void {
    const host = this.#host(agent);
    host.total = add(subtract(host.total, consumed), converted);
    if (holder !== undefined) host.allocated = add(subtract(host.allocated, consumed), converted);
    host.free = freeOf(host);
  }

  suppress(id: FrameworkId, roles: readonly string[]): void {
    const client = this.#client(id);
    for (const role of roles.length === 0 ? client.roles : roles) client.suppressed.add(role);
  }

  revive(id: FrameworkId, roles: readonly string[]): void {
    const client = this.#client(id);
    for (const role of roles.length === 0 ? client.roles : roles) {
      client.suppressed.delete(role);
      this.#filters.clear(id, role);
    }
  }

  setWeight(role: string, weight: number | undefined): void {
    if (weight === undefined) this.#weights.delete(role);
    else this.#weights.set(role, weight);
  }

  setQuota(role: string, quota: Quota | undefined): void {
    if (quota === undefined) this.#quotas.delete(role);
    else this.#quotas.set(role, quota);
  }

  explain(framework: FrameworkId, role: string, agent: AgentId): Reason | undefined {
    const [client, host] = [this.#client(framework), this.#host(agent)];
    if (!client.active) return { kind: 'INACTIVE' };
    if (!client.roles.includes(role)) return { kind: 'UNKNOWN_ROLE' };
    if (client.suppressed.has(role)) return { kind: 'SUPPRESSED' };
    if (!host.active) return { kind: 'AGENT_INACTIVE' };
    const resources = availableTo(host.free, role, client.info);
    if (resources.length === 0) return { kind: 'NOTHING_FREE', holders: [] };
    return undefined;
  }

  standing(role: string, framework?: FrameworkId): Standing | undefined {
    const key = framework === undefined ? role : `${role}\n${framework}`;
    const allocated = this.#allocated.get(key);
    const quota = this.#quotas.get(role);
    if (allocated === undefined && quota === undefined) return undefined;
    const weight = this.#weights.get(role) ?? 1;
    const amounts = allocated ?? new Map<string, number>();
    return {
      ...{ role, framework, share: this.#share(key), dominant: undefined, weight },
      ...{ allocated: amounts, quota, consumed: amounts },
    };
  }

  filtersByRole(): ReadonlyMap<string, number> {
    return this.#filters.count();
  }

  allocate(now: number, random: () => number): Allocation[] {
    this.#filters.expire(now);
    const allocations: Allocation[] = [];
    for (const host of shuffle([...this.#hosts.values()], random)) {
      if (!host.active) continue;
      for (const { role, client } of this.#candidates()) {
        if (host.free.length === 0) break;
        const resources = availableTo(host.free, role, client.info);
        const minimum = client.minimums.get(role) ?? this.#options.minimum;
        if (!isWorthAnOffer(resources, minimum) || !this.#takes(client, role, host)) continue;
        const allocation = { framework: client.id, role, agent: host.id, resources };
        if (this.#filters.refuses(allocation)) continue;
        this.charge(allocation);
        allocations.push(allocation);
      }
    }
    return allocations;
  }

  /** Who may be given something, the smallest share first. */
  #candidates(): { role: string; client: Client }[] {
    const pairs = [...this.#clients.values()]
      .filter((client) => client.active)
      .flatMap((client) =>
        client.roles.filter((role) => !client.suppressed.has(role)).map((role) => ({ role, client })),
      );
    const ranks = new Map<string, [number, number]>();
    const rank = (key: string): [number, number] => {
      const known = ranks.get(key) ?? [
        this.#share(key) / (this.#weights.get(key) ?? 1),
        this.#allocations.get(key) ?? 0,
      ];
      ranks.set(key, known);
      return known;
    };
    return pairs.sort(
      (a, b) =>
        compare(rank(a.role), rank(b.role)) ||
        a.role.localeCompare(b.role) ||
        compare(rank(`${a.role}\n${a.client.id}`), rank(`${b.role}\n${b.client.id}`)) ||
        a.client.id.localeCompare(b.client.id),
    );
  }

  #takes({ info, constraints }: Client, role: string, { total, facts }: Host): boolean {
    const { filterGpus, region } = this.#options;
    const home = facts.domain?.fault_domain?.region.name ?? region;
    if (filterGpus && scalarOf(total, 'gpus') > 0 && !hasCapability(info, 'GPU_RESOURCES')) return false;
    if (region !== undefined && home !== region && !hasCapability(info, 'REGION_AWARE')) return false;
    return !isExcluded(constraints, role, facts);
  }

  /** The largest fraction of any of the cluster's scalars. */
  #share(key: string): number {
    let share = 0;
    for (const [name, amount] of this.#allocated.get(key) ?? []) {
      const total = this.#cluster.get(name) ?? 0;
      if (total > 0) share = Math.max(share, amount / total);
    }
    return share;
  }

  #count(allocation: Allocation, sign: 1 | -1): void {
    for (const key of [allocation.role, `${allocation.role}\n${allocation.framework}`]) {
      const held = this.#allocated.get(key) ?? new Map<string, number>();
      change(held, allocation.resources, sign);
      if (held.size === 0) this.#allocated.delete(key);
      else this.#allocated.set(key, held);
      if (sign === 1) this.#allocations.set(key, (this.#allocations.get(key) ?? 0) + 1);
    }
  }

  #client(id: FrameworkId): Client {
    const client = this.#clients.get(id);
    if (client === undefined) throw new Error(`the allocator does not know framework ${id}`);
    return client;
  }

  #host(id: AgentId): Host {
    const host = this.#hosts.get(id);
    if (host === undefined) throw new Error(`the allocator does not know agent ${id}`);
    return host;
  }
}

function wishes({ info, suppressedRoles, constraints }: Demand): Omit<Client, 'id' | 'active'> {
  const roles = rolesOf(info);
  return { info, roles, suppressed: new Set(suppressedRoles), constraints, minimums: minimumsOf(info) };
}

function rolesOf(info: FrameworkInfo): string[] {
  return hasCapability(info, 'MULTI_ROLE') ? (info.roles ?? []) : [info.role ?? '*'];
}

/** What nobody holds; of what is shared, another copy is always there. */
function freeOf({ total, allocated }: Host): Resource[] {
  const isOwn = ({ shared }: Resource) => shared === undefined;
  return [...subtract(total.filter(isOwn), allocated.filter(isOwn)), ...total.filter((resource) => !isOwn(resource))];
}

/** Unreserved, and reserved for the role or for an ancestor of it, in the order in which Mesos lists them in offers. */
function availableTo(free: readonly Resource[], role: string, info: FrameworkInfo): Resource[] {
  const refined = hasCapability(info, 'RESERVATION_REFINEMENT');
  const revocable = hasCapability(info, 'REVOCABLE_RESOURCES');
  const shared = hasCapability(info, 'SHARED_RESOURCES');
  const available = free.filter((resource) => {
    if (resource.revocable !== undefined && !revocable) return false;
    if (resource.shared !== undefined && !shared) return false;
    if ((resource.reservations?.length ?? 0) > 1 && !refined) return false;
    const reserved = reservationRole(resource);
    return reserved === '*' || reserved === role || role.startsWith(`${reserved}/`);
  });
  return available.sort((a, b) => place(a) - place(b));
}

/** What is no amount, then what is reserved, then the rest. */
function place(resource: Resource): number {
  if (resource.type !== 'SCALAR') return 0;
  return resource.reservations === undefined ? 2 : 1;
}

function change(quantities: Quantities, resources: readonly Resource[], sign: 1 | -1): void {
  for (const resource of resources) {
    if (resource.type !== 'SCALAR') continue;
    const amount =
      Math.round(((quantities.get(resource.name) ?? 0) + sign * (resource.scalar?.value ?? 0)) * 1000) / 1000;
    if (amount === 0) quantities.delete(resource.name);
    else quantities.set(resource.name, amount);
  }
}

function compare(left: [number, number], right: [number, number]): number {
  return left[0] - right[0] || left[1] - right[1];
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let index = items.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    const [a, b] = [items[index], items[other]];
    if (a !== undefined && b !== undefined) [items[index], items[other]] = [b, a];
  }
  return items;
}
