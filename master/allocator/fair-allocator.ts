import type { AgentId, FrameworkId } from '../../protocol/ids.ts';
import type { FrameworkInfo, Resource } from '../../protocol/messages.ts';
import { add, reservationRole, scalarOf, subtract } from '../../protocol/resources.ts';
import { hasCapability } from '../../protocol/task-state.ts';
import type { Allocation, Allocator } from './allocator.ts';
import { OfferFilters } from './offer-filters.ts';

interface Client {
  readonly id: FrameworkId;
  info: FrameworkInfo;
  roles: string[];
  suppressed: Set<string>;
  active: boolean;
}

interface Host {
  readonly id: AgentId;
  readonly total: Resource[];
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
  readonly #clients = new Map<FrameworkId, Client>();
  readonly #hosts = new Map<AgentId, Host>();
  readonly #filters = new OfferFilters();
  readonly #cluster: Quantities = new Map();
  /** Key: role, or role and framework. */
  readonly #allocated = new Map<string, Quantities>();
  readonly #allocations = new Map<string, number>();

  addFramework(id: FrameworkId, info: FrameworkInfo, suppressedRoles: readonly string[]): void {
    this.#clients.set(id, { id, info, roles: rolesOf(info), suppressed: new Set(suppressedRoles), active: false });
  }

  updateFramework(id: FrameworkId, info: FrameworkInfo, suppressedRoles: readonly string[]): void {
    const client = this.#client(id);
    client.info = info;
    client.roles = rolesOf(info);
    for (const role of client.suppressed) if (!suppressedRoles.includes(role)) this.#filters.clear(id, role);
    client.suppressed = new Set(suppressedRoles);
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

  addAgent(id: AgentId, total: readonly Resource[]): void {
    this.#hosts.set(id, { id, total: [...total], allocated: [], free: [...total], active: true });
    change(this.#cluster, total, 1);
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
    host.free = subtract(host.total, host.allocated);
    this.#count(allocation, 1);
  }

  recover(allocation: Allocation, filter: { refuseSeconds: number } | undefined, now: number): void {
    this.#count(allocation, -1);
    const host = this.#hosts.get(allocation.agent);
    if (host !== undefined) {
      host.allocated = subtract(host.allocated, allocation.resources);
      host.free = subtract(host.total, host.allocated);
    }
    if (filter !== undefined && filter.refuseSeconds > 0 && this.#clients.has(allocation.framework)) {
      this.#filters.add(allocation, now + filter.refuseSeconds * 1000);
    }
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

  allocate(now: number, random: () => number): Allocation[] {
    this.#filters.expire(now);
    const allocations: Allocation[] = [];
    for (const host of shuffle([...this.#hosts.values()], random)) {
      if (!host.active) continue;
      for (const { role, client } of this.#candidates()) {
        if (!allocatable(host.free)) break;
        const resources = availableTo(host.free, role, client.info);
        if (!allocatable(resources) || !this.#takes(client, host)) continue;
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
      const known = ranks.get(key) ?? [this.#share(key), this.#allocations.get(key) ?? 0];
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

  #takes(client: Client, host: Host): boolean {
    return scalarOf(host.total, 'gpus') === 0 || hasCapability(client.info, 'GPU_RESOURCES');
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

function rolesOf(info: FrameworkInfo): string[] {
  return hasCapability(info, 'MULTI_ROLE') ? (info.roles ?? []) : [info.role ?? '*'];
}

/** Unreserved, and reserved for the role or for an ancestor of it. */
function availableTo(free: readonly Resource[], role: string, info: FrameworkInfo): Resource[] {
  const refined = hasCapability(info, 'RESERVATION_REFINEMENT');
  const revocable = hasCapability(info, 'REVOCABLE_RESOURCES');
  return free.filter((resource) => {
    if (resource.revocable !== undefined && !revocable) return false;
    if ((resource.reservations?.length ?? 0) > 1 && !refined) return false;
    const reserved = reservationRole(resource);
    return reserved === '*' || reserved === role || role.startsWith(`${reserved}/`);
  });
}

/** Whether it is worth an offer: 0.01 cpus or 32 MB (Mesos' default `--min_allocatable_resources`). */
function allocatable(resources: readonly Resource[]): boolean {
  return scalarOf(resources, 'cpus') >= 0.01 || scalarOf(resources, 'mem') >= 32;
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
