import type { Allocation, Allocator, Demand } from '../../master/allocator/allocator.ts';
import { HierarchicalAllocator } from '../../master/allocator/hierarchical-allocator.ts';
import type { AgentFacts } from '../../master/allocator/offer-constraints.ts';
import type { Quota, Reason, Standing } from '../../master/allocator/standing.ts';
import type { AgentId, FrameworkId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import type { Conversion } from '../../protocol/resource-operations.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { add, contains, subtract } from '../../protocol/resources.ts';

/** An allocator under audit: keeps books of its own and throws as soon as something is given twice or given back twice. */
export class AuditedAllocator implements Allocator {
  readonly #inner: Allocator;
  readonly #books = new Map<AgentId, { total: readonly Resource[]; held: Map<string, Resource[]> }>();

  constructor(inner: Allocator = new HierarchicalAllocator()) {
    this.#inner = inner;
  }

  /** What is allocated on an agent, by framework and role (`framework role`), without empty entries. */
  held(agent: AgentId): Map<string, Resource[]> {
    return this.#books.get(agent)?.held ?? new Map();
  }

  /** All that is allocated on an agent. */
  allocated(agent: AgentId): Resource[] {
    return [...this.held(agent).values()].reduce<Resource[]>(add, []);
  }

  total(agent: AgentId): readonly Resource[] {
    return this.#books.get(agent)?.total ?? [];
  }

  get agents(): AgentId[] {
    return [...this.#books.keys()];
  }

  addFramework(id: FrameworkId, demand: Demand): void {
    this.#inner.addFramework(id, demand);
  }

  filtersByRole(): ReadonlyMap<string, number> {
    return this.#inner.filtersByRole();
  }

  updateFramework(id: FrameworkId, demand: Demand): void {
    this.#inner.updateFramework(id, demand);
  }

  activateFramework(id: FrameworkId): void {
    this.#inner.activateFramework(id);
  }

  deactivateFramework(id: FrameworkId): void {
    this.#inner.deactivateFramework(id);
  }

  removeFramework(id: FrameworkId): void {
    for (const [agent, { held }] of this.#books) {
      for (const [key, resources] of held) {
        if (!key.startsWith(`${id} `)) continue;
        throw new Error(`framework ${id} is removed with ${formatResources(resources)} of ${agent} allocated`);
      }
    }
    this.#inner.removeFramework(id);
  }

  addAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void {
    if (this.#books.has(id)) throw new Error(`agent ${id} is added twice`);
    this.#books.set(id, { total, held: new Map() });
    this.#inner.addAgent(id, total, facts);
  }

  updateAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void {
    const book = this.#books.get(id);
    if (book === undefined) throw new Error(`agent ${id} changes and is not known`);
    book.total = total;
    this.#inner.updateAgent(id, total, facts);
  }

  activateAgent(id: AgentId): void {
    this.#inner.activateAgent(id);
  }

  deactivateAgent(id: AgentId): void {
    this.#inner.deactivateAgent(id);
  }

  removeAgent(id: AgentId): void {
    const left = this.allocated(id);
    if (left.length > 0) throw new Error(`agent ${id} is removed with ${formatResources(left)} allocated`);
    this.#books.delete(id);
    this.#inner.removeAgent(id);
  }

  charge(allocation: Allocation): void {
    this.#enter(allocation);
    this.#inner.charge(allocation);
  }

  recover(allocation: Allocation, filter: { refuseSeconds: number } | undefined, now: number): void {
    const held = this.#books.get(allocation.agent)?.held;
    if (held !== undefined) {
      const key = keyOf(allocation);
      const before = held.get(key) ?? [];
      if (!contains(before, allocation.resources)) {
        const [back, had] = [formatResources(allocation.resources), formatResources(before)];
        throw new Error(`${key} gives back ${back} of ${allocation.agent}, and had ${had}`);
      }
      const after = subtract(before, allocation.resources);
      if (after.length === 0) held.delete(key);
      else held.set(key, after);
    }
    this.#inner.recover(allocation, filter, now);
  }

  convert(agent: AgentId, conversion: Conversion, holder: { framework: FrameworkId; role: string } | undefined): void {
    const book = this.#books.get(agent);
    if (book === undefined) throw new Error(`a conversion on ${agent}, which is not known`);
    const { consumed, converted } = conversion;
    const key = holder === undefined ? undefined : keyOf({ ...holder, agent, resources: [] });
    const before = key === undefined ? this.#free(agent) : (book.held.get(key) ?? []);
    if (!contains(before, consumed)) {
      throw new Error(`${key} converts ${formatResources(consumed)} of ${agent}, and has ${formatResources(before)}`);
    }
    if (key !== undefined) book.held.set(key, add(subtract(before, consumed), converted));
    book.total = add(subtract(book.total, consumed), converted);
    this.#inner.convert(agent, conversion, holder);
  }

  suppress(id: FrameworkId, roles: readonly string[]): void {
    this.#inner.suppress(id, roles);
  }

  revive(id: FrameworkId, roles: readonly string[]): void {
    this.#inner.revive(id, roles);
  }

  setWeight(role: string, weight: number | undefined): void {
    this.#inner.setWeight(role, weight);
  }

  setQuota(role: string, quota: Quota | undefined): void {
    this.#inner.setQuota(role, quota);
  }

  explain(framework: FrameworkId, role: string, agent: AgentId, now: number): Reason | undefined {
    return this.#inner.explain(framework, role, agent, now);
  }

  suits(framework: FrameworkId, role: string, agent: AgentId): boolean {
    return this.#inner.suits(framework, role, agent);
  }

  standing(role: string, framework?: FrameworkId): Standing | undefined {
    return this.#inner.standing(role, framework);
  }

  get unfinished(): boolean {
    return this.#inner.unfinished;
  }

  allocate(now: number, random: () => number, goesOn?: () => boolean): Allocation[] {
    const allocations = this.#inner.allocate(now, random, goesOn);
    for (const allocation of allocations) {
      const free = this.#free(allocation.agent);
      if (!contains(free, allocation.resources)) {
        const [given, left] = [formatResources(allocation.resources), formatResources(free)];
        throw new Error(`${allocation.agent} gives ${given} of the ${left} that are free`);
      }
      this.#enter(allocation);
    }
    return allocations;
  }

  /** Of what is shared, another copy is always there. */
  #free(agent: AgentId): Resource[] {
    const total = this.#books.get(agent)?.total ?? [];
    const own = total.filter(({ shared }) => shared === undefined);
    return [...subtract(own, this.allocated(agent)), ...total.filter(({ shared }) => shared !== undefined)];
  }

  #enter(allocation: Allocation): void {
    const held = this.#books.get(allocation.agent)?.held;
    if (held === undefined) throw new Error(`an allocation on ${allocation.agent}, which is not known`);
    if (allocation.resources.length === 0) throw new Error('an allocation of nothing');
    const key = keyOf(allocation);
    held.set(key, add(held.get(key) ?? [], allocation.resources));
  }
}

function keyOf(allocation: Allocation): string {
  return `${allocation.framework} ${allocation.role}`;
}
