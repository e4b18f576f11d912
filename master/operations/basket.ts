import type { Resource } from '../../protocol/messages.ts';
import { add, contains, subtract } from '../../protocol/resources.ts';
import type { Agent, Framework, MasterState } from '../state.ts';

/** The resources of an ACCEPT, which its operations take from and put into, one after the other. */
export interface Basket {
  readonly framework: Framework;
  readonly agent: Agent;
  /** The role of the offers. */
  readonly role: string;
  /** Names the call: the id of its first offer. */
  readonly call: string;
  /** Normal form, allocated to framework and role: what the operations so far have left and made. */
  remaining: Resource[];
  /** Shared volumes that were offered or made; tasks may take any number of copies. */
  shared: Resource[];
}

/** What a launch may take: what remains, and as many copies of shared volumes as it asks for. */
export function availableTo(basket: Basket, demand: readonly Resource[]): Resource[] {
  const copies = furtherCopies(basket, demand);
  return copies.length === 0 ? basket.remaining : add(basket.remaining, copies);
}

/** Takes what a launch uses, and stays allocated; it must be available. */
export function take(state: MasterState, basket: Basket, demand: readonly Resource[]): void {
  const copies = furtherCopies(basket, demand);
  if (copies.length > 0) {
    const { framework, role, agent } = basket;
    state.allocator.charge({ framework: framework.id, role, agent: agent.id, resources: copies });
  }
  const available = copies.length === 0 ? basket.remaining : add(basket.remaining, copies);
  basket.remaining = subtract(available, demand);
}

function furtherCopies({ remaining, shared }: Basket, demand: readonly Resource[]): Resource[] {
  if (shared.length === 0) return [];
  const wanted = demand.filter((resource) => resource.shared !== undefined && contains(shared, [resource]));
  return subtract(wanted, remaining);
}

/** As the master keeps and forwards it: allocated to the offers' role where the scheduler names none. */
export function allocated(resource: Resource, role: string): Resource {
  return { ...resource, allocation_info: { role: resource.allocation_info?.role ?? role } };
}
