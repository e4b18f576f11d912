import type { AgentId, FrameworkId } from '../../protocol/ids.ts';
import type { FrameworkInfo, Resource } from '../../protocol/messages.ts';

/**
 * Decides who is offered what. Pure: it never touches a framework, it returns allocations; the master makes offers of them.
 * All resources are in normal form (protocol/resources.ts). What is allocated stays so until it is recovered.
 */
export interface Allocator {
  addFramework(id: FrameworkId, info: FrameworkInfo, suppressedRoles: readonly string[]): void;
  /** New roles, capabilities and suppressed roles. */
  updateFramework(id: FrameworkId, info: FrameworkInfo, suppressedRoles: readonly string[]): void;
  /** From here on it may be allocated to. */
  activateFramework(id: FrameworkId): void;
  /** No allocations any more; its filters go. */
  deactivateFramework(id: FrameworkId): void;
  removeFramework(id: FrameworkId): void;
  addAgent(id: AgentId, total: readonly Resource[]): void;
  activateAgent(id: AgentId): void;
  deactivateAgent(id: AgentId): void;
  removeAgent(id: AgentId): void;
  /** Counts as allocated what was not allocated by this allocator: tasks of an agent that comes back. */
  charge(allocation: Allocation): void;
  /** Gives back all or part of allocations; with a filter the framework is not offered a subset of it for a while. */
  recover(allocation: Allocation, filter: { refuseSeconds: number } | undefined, now: number): void;
  /** Empty roles: all of the framework's. */
  suppress(id: FrameworkId, roles: readonly string[]): void;
  /** Empty roles: all of the framework's. Clears the filters of these roles. */
  revive(id: FrameworkId, roles: readonly string[]): void;
  /** `now`: milliseconds since the epoch; `random`: [0, 1). */
  allocate(now: number, random: () => number): Allocation[];
}

export interface Allocation {
  framework: FrameworkId;
  role: string;
  agent: AgentId;
  resources: Resource[];
}
