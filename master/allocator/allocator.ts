import type { AgentId, FrameworkId } from '../../protocol/ids.ts';
import type { FrameworkInfo, Resource } from '../../protocol/messages.ts';
import type { Conversion } from '../../protocol/resource-operations.ts';
import type { AgentFacts, OfferConstraints } from './offer-constraints.ts';
import type { Quota, Reason, Standing } from './standing.ts';

/**
 * Decides who is offered what. Pure: it never touches a framework, it returns allocations; the master makes offers of them.
 * All resources are in normal form (protocol/resources.ts). What is allocated stays so until it is recovered.
 */
export interface Allocator {
  addFramework(id: FrameworkId, demand: Demand): void;
  /** Clears the filters of roles that are dropped or leave suppression. */
  updateFramework(id: FrameworkId, demand: Demand): void;
  /** From here on it may be allocated to. */
  activateFramework(id: FrameworkId): void;
  /** No allocations any more; its filters go. */
  deactivateFramework(id: FrameworkId): void;
  removeFramework(id: FrameworkId): void;
  addAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void;
  /** Another total (oversubscription, an agent that comes back with other reservations) or other facts, which clear its filters. What is allocated stays so. */
  updateAgent(id: AgentId, total: readonly Resource[], facts: AgentFacts): void;
  activateAgent(id: AgentId): void;
  deactivateAgent(id: AgentId): void;
  removeAgent(id: AgentId): void;
  /** Counts as allocated what was not allocated by this allocator: tasks of an agent that comes back. */
  charge(allocation: Allocation): void;
  /** Gives back all or part of allocations; with a filter the framework is not offered a subset of it for a while. */
  recover(allocation: Allocation, filter: { refuseSeconds: number } | undefined, now: number): void;
  /** An operation made one thing of another, on the agent and in what `holder` has allocated of it (nobody: in what is free). */
  convert(agent: AgentId, conversion: Conversion, holder: { framework: FrameworkId; role: string } | undefined): void;
  /** Empty roles: all of the framework's. */
  suppress(id: FrameworkId, roles: readonly string[]): void;
  /** Empty roles: all of the framework's. Clears the filters of these roles. */
  revive(id: FrameworkId, roles: readonly string[]): void;
  /** Undefined: 1, as all roles have it that nobody set. */
  setWeight(role: string, weight: number | undefined): void;
  /** Of a role of the top level, for it and all roles below it. Undefined: none. */
  setQuota(role: string, quota: Quota | undefined): void;
  /** How many filters hold, by role. */
  filtersByRole(): ReadonlyMap<string, number>;
  /**
   * A cycle over all agents, or the next slice of one: between agents it asks `goesOn`, and stops when that says no. It is
   * asked again then, as long as it is `unfinished`. `now`: milliseconds since the epoch; `random`: [0, 1).
   */
  allocate(now: number, random: () => number, goesOn?: () => boolean): Allocation[];
  /** Whether a cycle waits to go on. */
  readonly unfinished: boolean;
  /** Why a framework would not be offered an agent for one of its roles now; undefined: it would be. `now`: milliseconds since the epoch. */
  explain(framework: FrameworkId, role: string, agent: AgentId, now: number): Reason | undefined;
  /** Whether an agent is one that a framework may be offered for a role at all, whatever is free there. */
  suits(framework: FrameworkId, role: string, agent: AgentId): boolean;
  /** Where a role stands, or a framework in it; undefined for one that nobody has and that has no quota. */
  standing(role: string, framework?: FrameworkId): Standing | undefined;
}

/** What a framework takes. */
export interface Demand {
  readonly info: FrameworkInfo;
  readonly suppressedRoles: Iterable<string>;
  readonly constraints: OfferConstraints;
}

export interface Allocation {
  framework: FrameworkId;
  role: string;
  agent: AgentId;
  resources: Resource[];
}
