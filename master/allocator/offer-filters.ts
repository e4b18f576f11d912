import type { AgentId, FrameworkId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import { contains } from '../../protocol/resources.ts';
import type { Allocation } from './allocator.ts';

interface Filter {
  framework: FrameworkId;
  role: string;
  agent: AgentId;
  resources: Resource[];
  /** Milliseconds since the epoch. */
  until: number;
}

/**
 * What frameworks have refused, for how long. A filter holds back an offer whose resources are a subset of what was
 * refused on that agent; as soon as the agent has more to give, it does not match. Source: Mesos' offer filters.
 */
export class OfferFilters {
  readonly #filters = new Map<string, Filter[]>();

  add(allocation: Allocation, until: number): void {
    const { framework, role, agent, resources } = allocation;
    const key = keyOf(allocation);
    this.#filters.set(key, [...(this.#filters.get(key) ?? []), { framework, role, agent, resources, until }]);
  }

  refuses(allocation: Allocation): boolean {
    return (this.#filters.get(keyOf(allocation)) ?? []).some((filter) =>
      contains(filter.resources, allocation.resources),
    );
  }

  /** How many there are, by role. */
  count(): ReadonlyMap<string, number> {
    const byRole = Map.groupBy([...this.#filters.values()].flat(), ({ role }) => role);
    return new Map([...byRole].map(([role, filters]) => [role, filters.length]));
  }

  expire(now: number): void {
    this.#keep((filter) => filter.until > now);
  }

  clear(framework: FrameworkId, role: string): void {
    this.#keep((filter) => filter.framework !== framework || filter.role !== role);
  }

  clearFramework(framework: FrameworkId): void {
    this.#keep((filter) => filter.framework !== framework);
  }

  clearAgent(agent: AgentId): void {
    this.#keep((filter) => filter.agent !== agent);
  }

  #keep(wanted: (filter: Filter) => boolean): void {
    for (const [key, filters] of this.#filters) {
      const kept = filters.filter(wanted);
      if (kept.length === 0) this.#filters.delete(key);
      else if (kept.length < filters.length) this.#filters.set(key, kept);
    }
  }
}

function keyOf(allocation: Allocation): string {
  return `${allocation.framework}\n${allocation.role}\n${allocation.agent}`;
}
