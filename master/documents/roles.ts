import type { Resource } from '../../protocol/messages.ts';
import { type Resources, rangesOf, reservationRole, scalarOf } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Document, doubles } from '../../protocol/v0-documents.ts';
import { double } from '../../protocol/v0-json.ts';
import { type Quantities, sortedQuantities } from '../quantities.ts';
import { type MasterState, roleOfTask, rolesOf } from '../state.ts';

/** `/roles`: those that frameworks are in, resources are reserved to, or operators set something for, and what is above them. Sorted. */
export function rolesDocument(state: MasterState): Document {
  const roles = roleShares(state);
  const consumed = consumption(roles);
  const sorted = [...roles].sort(([left], [right]) => (left < right ? -1 : 1));
  return { roles: sorted.map(([name, shares]) => roleDocument(state, name, shares, consumed.get(name) ?? [])) };
}

export interface RoleShares {
  readonly frameworks: string[];
  /** What tasks and executors of the role hold. */
  readonly allocated: Resource[];
  readonly offered: Resource[];
  readonly reserved: Resource[];
}

/** The known roles with what each of them has. */
export function roleShares(state: MasterState): Map<string, RoleShares> {
  const shares = new Map<string, RoleShares>();
  const of = (role: string): RoleShares => {
    const known = shares.get(role) ?? { frameworks: [], allocated: [], offered: [], reserved: [] };
    shares.set(role, known);
    return known;
  };
  for (const { id, info, tasks } of state.frameworks.values()) {
    for (const role of rolesOf(info)) of(role).frameworks.push(id);
    for (const task of tasks.values()) {
      if (!isTerminal(task.state)) of(roleOfTask(task, info)).allocated.push(...(task.resources ?? []));
    }
  }
  for (const { resources = [] } of [...state.agents.values()].flatMap(({ executors }) => [...executors.values()])) {
    for (const resource of resources) of(resource.allocation_info?.role ?? '*').allocated.push(resource);
  }
  for (const offer of state.offers.values()) of(offer.role).offered.push(...offer.resources);
  for (const resource of [...state.agents.values()].flatMap(({ total }) => total)) {
    if (reservationRole(resource) !== '*') of(reservationRole(resource)).reserved.push(resource);
  }
  for (const role of state.weights.keys()) of(role);
  for (const [role, { guarantees, limits }] of state.quotas) if (guarantees.size + limits.size > 0) of(role);
  for (const role of [...shares.keys()]) for (const ancestor of ancestors(role)) of(ancestor);
  return shares;
}

/** `a/b/c` is below `a` and `a/b`. */
export function ancestors(role: string): string[] {
  const parts = role.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** What counts against a quota: what is reserved, in use or not, and what is in use beside that and not revocable. */
function consumedOf({ allocated, reserved }: RoleShares): Resource[] {
  const counts = (resource: Resource) => reservationRole(resource) === '*' && resource.revocable === undefined;
  return [...allocated.filter(counts), ...reserved];
}

/** The same for each role with all that are below it, as quotas count; and for the nameless root of all roles. */
export function consumption(shares: ReadonlyMap<string, RoleShares>): Map<string, Resource[]> {
  const consumed = new Map<string, Resource[]>();
  for (const [role, own] of shares) {
    const resources = consumedOf(own);
    for (const above of ['', ...ancestors(role), role]) {
      const sum = consumed.get(above);
      if (sum === undefined) consumed.set(above, [...resources]);
      else for (const resource of resources) sum.push(resource);
    }
  }
  return consumed;
}

/** Whether a role is another one, or below it. */
export function isWithin(role: string, above: string): boolean {
  return role === above || role.startsWith(`${above}/`);
}

function roleDocument(state: MasterState, name: string, shares: RoleShares, consumed: Resource[]): Document {
  const { frameworks, allocated, offered, reserved } = shares;
  const { guarantees, limits } = state.quotas.get(name) ?? {};
  const set = (amounts: Quantities | undefined) => doubles(Object.fromEntries(sortedQuantities(amounts ?? new Map())));
  return {
    name,
    weight: double(state.weights.get(name) ?? 1),
    quota: { role: name, guarantee: set(guarantees), limit: set(limits), consumed: quantities(consumed) },
    resources: quantities([...allocated, ...offered]),
    allocated: quantities(allocated),
    offered: quantities(offered),
    reserved: quantities(reserved),
    frameworks,
  };
}

/** How much of each resource there is, by name; of ports, how many. */
function quantities(resources: Resources): Document {
  const names = [...new Set(resources.map(({ name }) => name))].sort();
  return doubles(Object.fromEntries(names.map((name) => [name, quantity(resources, name)])));
}

function quantity(resources: Resources, name: string): number {
  const ports = rangesOf(resources, name).reduce((sum, { begin, end }) => sum + Number(end) - Number(begin) + 1, 0);
  const items = resources.flatMap((resource) => (resource.name === name ? (resource.set?.item ?? []) : []));
  return scalarOf(resources, name) + ports + items.length;
}
