import type { OfferOperation, Resource } from '../../protocol/messages.ts';
import { popReservation } from '../../protocol/resource-operations.ts';
import { formatResource, formatResources } from '../../protocol/resource-text.ts';
import {
  contains,
  isPersistentVolume,
  normalize,
  reservationRole,
  toFixedPoint,
  toPostRefinement,
} from '../../protocol/resources.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { hasCapability, isTerminal } from '../../protocol/task-state.ts';
import type { Agent } from '../state.ts';
import type { Basket } from './basket.ts';
import { duplicateVolume, invalidUse } from './resource-use.ts';

/** Who wants an operation on what: a framework with its offers (a basket), or an operator. */
export type Requester = Pick<Basket, 'agent'> & Partial<Pick<Basket, 'framework' | 'role'>>;

/** The first thing wrong with an operation other than a launch, its resources completed; undefined when it may be tried. */
export function invalidOperation(operation: OfferOperation, basket: Requester): string | undefined {
  const { type, reserve, unreserve, create, destroy, grow_volume, shrink_volume } = operation;
  if (type === 'RESERVE' && reserve !== undefined) {
    const { source = [], resources = [] } = reserve;
    if (source.length === 0) return invalidReserve(resources, basket);
    if (basket.framework !== undefined) return "RESERVE with 'source' is not supported for frameworks";
    return invalidReserve(resources, basket) ?? invalidSource(source, resources);
  }
  if (type === 'UNRESERVE' && unreserve !== undefined) return invalidUnreserve(unreserve.resources ?? []);
  if (type === 'CREATE' && create !== undefined) return invalidCreate(create.volumes ?? [], basket);
  if (type === 'DESTROY' && destroy !== undefined) return invalidDestroy(destroy.volumes ?? [], basket.agent);
  if (type === 'GROW_VOLUME' && grow_volume !== undefined) return invalidGrow(grow_volume.volume, grow_volume.addition);
  if (type === 'SHRINK_VOLUME' && shrink_volume !== undefined) {
    return invalidShrink(shrink_volume.volume, shrink_volume.subtract.value);
  }
  if (type === 'CREATE_DISK' || type === 'DESTROY_DISK') return "'source' is not managed by a resource provider";
  return `Expecting '${(type ?? 'UNKNOWN').toLowerCase()}' to be present`;
}

function invalidReserve(resources: readonly Resource[], { framework, role }: Requester): string | undefined {
  if (resources.length === 0) return noResources;
  const principal = framework?.info.principal;
  for (const resource of resources) {
    const top = resource.reservations?.at(-1);
    if (top?.type !== 'DYNAMIC') return `Resource ${formatResource(resource)} is not dynamically reserved`;
    if (resource.revocable !== undefined) return `Resource ${formatResource(resource)} is revocable`;
    if (isPersistentVolume(resource)) return `A persistent volume ${formatResource(resource)} must already be reserved`;
    if (principal !== undefined && top.principal !== principal)
      return otherPrincipal('reserve', principal, top.principal);
    const allocation = resource.allocation_info?.role;
    if (role === undefined) continue;
    if (top.role !== role || allocation !== role) {
      return `A reserve operation was attempted for a resource with role '${top.role}' allocated to role '${allocation}', but the offers are allocated to role '${role}'`;
    }
    const below = reservationRole(popReservation(resource));
    if (below !== '*' && !role.startsWith(`${below}/`)) {
      return `Resource ${formatResource(resource)} is not a refinement of role '${below}'`;
    }
  }
  return undefined;
}

/** What is reserved anew must be the same but for its reservations, and no volume. */
function invalidSource(source: readonly Resource[], resources: readonly Resource[]): string | undefined {
  const invalid = invalidUnreserve(source);
  if (invalid !== undefined) return `Invalid source: ${invalid}`;
  const bare = (list: readonly Resource[]) =>
    normalize(list.map((resource) => ({ ...toPostRefinement(resource), reservations: [] })));
  const [from, to] = [bare(source), bare(resources)];
  if (contains(from, to) && contains(to, from)) return undefined;
  return `Expected the resources ${formatResources(to)} to be those of the source, ${formatResources(from)}`;
}

function invalidUnreserve(resources: readonly Resource[]): string | undefined {
  if (resources.length === 0) return noResources;
  for (const resource of resources) {
    if (resource.reservations?.at(-1)?.type !== 'DYNAMIC') {
      return `Resource ${formatResource(resource)} is not dynamically reserved`;
    }
    if (isPersistentVolume(resource)) {
      return `A dynamically reserved persistent volume ${formatResource(resource)} cannot be unreserved directly. Please destroy the persistent volume first then unreserve the resource`;
    }
  }
  return undefined;
}

function invalidCreate(volumes: readonly Resource[], { framework, agent }: Requester): string | undefined {
  if (volumes.length === 0) return noResources;
  const principal = framework?.info.principal;
  const wrong = invalidUse(volumes);
  if (wrong !== undefined) return `Invalid volumes: ${wrong}`;
  for (const volume of volumes) {
    const persistence = volume.disk?.persistence;
    if (persistence === undefined) return `'persistence' is not set in DiskInfo of ${formatResource(volume)}`;
    if (principal !== undefined && persistence.principal !== principal) {
      return otherPrincipal('create volume', principal, persistence.principal);
    }
    if (volume.shared !== undefined && framework !== undefined && !hasCapability(framework.info, 'SHARED_RESOURCES')) {
      return 'Create volume operation for shared volumes requires the SHARED_RESOURCES capability';
    }
  }
  const twice = duplicateVolume([...agent.total, ...volumes]);
  return twice === undefined ? undefined : `Persistence ID '${twice}' is not unique`;
}

function invalidDestroy(volumes: readonly Resource[], agent: Agent): string | undefined {
  if (volumes.length === 0) return noResources;
  if (!volumes.every(isPersistentVolume)) return "'persistence' is not set in DiskInfo";
  const wanted = normalize(volumes);
  if (!contains(agent.total, wanted)) return 'Persistent volumes not found';
  return wanted.some((volume) => isUsed(volume, agent)) ? 'Persistent volumes in use' : undefined;
}

/** Whether a task or executor holds the volume. */
function isUsed(volume: Resource, agent: Agent): boolean {
  const isIn = (resources: readonly Resource[] | undefined) =>
    (resources ?? []).some((resource) => isPersistentVolume(resource) && contains(normalize([resource]), [volume]));
  const tasks = [...agent.tasks.values()].filter((task) => !isTerminal(task.state));
  return [...tasks, ...agent.executors.values()].some(({ resources }) => isIn(resources));
}

function invalidGrow(volume: Resource, addition: Resource): string | undefined {
  const reason = invalidResize(volume);
  if (reason !== undefined) return reason;
  const base = normalize([volume])[0];
  const extra = normalize([addition])[0];
  if (extra === undefined || toFixedPoint(addition.scalar?.value ?? 0) <= 0)
    return "The size of 'addition' must be positive";
  if (isPersistentVolume(addition)) return "'addition' must not be a persistent volume";
  const fits =
    addition.name === volume.name &&
    sameContent(base?.reservations, extra.reservations) &&
    sameContent(volume.disk?.source, addition.disk?.source) &&
    sameContent(volume.provider_id, addition.provider_id);
  return fits ? undefined : `Incompatible resources in 'volume' and 'addition': ${formatResource(addition)}`;
}

function invalidShrink(volume: Resource, megabytes: number): string | undefined {
  const reason = invalidResize(volume);
  if (reason !== undefined) return reason;
  if (!(toFixedPoint(megabytes) > 0)) return "Value of 'subtract' must be greater than zero";
  return toFixedPoint(megabytes) < toFixedPoint(volume.scalar?.value ?? 0)
    ? undefined
    : "Value of 'subtract' must be smaller than the size of the volume";
}

function invalidResize(volume: Resource): string | undefined {
  if (!isPersistentVolume(volume)) return "'volume' must be a persistent volume";
  if (volume.shared !== undefined) return 'Growing or shrinking a shared persistent volume is not supported';
  return volume.disk?.source?.type === 'MOUNT'
    ? 'Growing or shrinking a persistent volume on a MOUNT disk is not supported'
    : undefined;
}

// As recorded.
const noResources = 'Invalid resources: The resources have multiple resource providers: ';

function otherPrincipal(what: string, principal: string, given: string | undefined): string {
  const found = given === undefined ? 'no principal set' : `principal '${given}'`;
  return `A ${what} operation was attempted by principal '${principal}', but there is a resource in the request with ${found}`;
}
