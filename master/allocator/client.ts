import type { FrameworkId } from '../../protocol/ids.ts';
import type { FrameworkInfo } from '../../protocol/messages.ts';
import { hasCapability } from '../../protocol/task-state.ts';
import type { Demand } from './allocator.ts';
import { Contender } from './contender.ts';
import type { Filter } from './filters.ts';
import type { Host } from './host.ts';
import type { Minimum } from './minimum.ts';
import type { OfferConstraints } from './offer-constraints.ts';
import { PassedOver } from './passed-over.ts';
import type { ScalarNames } from './quantities.ts';
import type { RoleLeaf } from './role-tree.ts';
import { type Needs, needsOf } from './suitability.ts';

/** Resources that not every framework can tell from others; a client is given those alone that it can. */
export const refined = 1;
export const revocable = 2;
export const shared = 4;

/** A framework as the allocator knows it. */
export class Account {
  readonly id: FrameworkId;
  readonly arrival: number;
  active = false;
  info: FrameworkInfo;
  constraints: OfferConstraints;
  /** Of `refined`, `revocable`, `shared`, those that it takes. */
  takes: number;
  usesGpus: boolean;
  isRegionAware: boolean;
  /** By role. Roles that it does not have any more are there as long as something is allocated to them. */
  readonly clients = new Map<string, Client>();

  constructor(id: FrameworkId, arrival: number, demand: Demand) {
    this.id = id;
    this.arrival = arrival;
    this.info = demand.info;
    this.constraints = demand.constraints;
    this.takes = takesOf(demand.info);
    this.usesGpus = hasCapability(demand.info, 'GPU_RESOURCES');
    this.isRegionAware = hasCapability(demand.info, 'REGION_AWARE');
  }

  /** Takes over what a framework says of itself; its roles apart. */
  update({ info, constraints }: Demand, minimums: ReadonlyMap<string, Minimum>, names: ScalarNames): void {
    this.info = info;
    this.constraints = constraints;
    this.takes = takesOf(info);
    this.usesGpus = hasCapability(info, 'GPU_RESOURCES');
    this.isRegionAware = hasCapability(info, 'REGION_AWARE');
    for (const [role, client] of this.clients) {
      client.priority = priorityOf(info);
      client.needs = needsOf(minimums.get(role), names);
    }
  }
}

/** A framework in one of its roles. */
export class Client extends Contender {
  readonly account: Account;
  readonly leaf: RoleLeaf;
  /** Whether the framework has the role (still). */
  wanted = true;
  suppressed = false;
  /** Whether it stands in the ranking: wanted, not suppressed, and its framework is active. */
  ranked = false;
  /** What makes an offer worth making, where it says so itself. */
  needs: Needs | undefined;
  /** The number of the last cycle that looks for it on all agents, since it takes offers again or other ones. */
  freshIn = -1;
  /** The first of those of each agent. */
  readonly filters = new Map<Host, Filter>();
  readonly passedOver = new PassedOver();

  constructor(account: Account, leaf: RoleLeaf) {
    super(account.id, account.arrival, 1, priorityOf(account.info));
    this.account = account;
    this.leaf = leaf;
  }

  get role(): string {
    return this.leaf.node.path;
  }
}

function takesOf(info: FrameworkInfo): number {
  return (
    (hasCapability(info, 'RESERVATION_REFINEMENT') ? refined : 0) |
    (hasCapability(info, 'REVOCABLE_RESOURCES') ? revocable : 0) |
    (hasCapability(info, 'SHARED_RESOURCES') ? shared : 0)
  );
}

/** The label `priority`, a number; 0 without one. */
export function priorityOf({ labels }: FrameworkInfo): number {
  const value = labels?.labels?.find(({ key }) => key === 'priority')?.value;
  const priority = Number(value ?? 0);
  return Number.isNaN(priority) ? 0 : priority;
}
