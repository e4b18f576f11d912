import type { AgentSubscription, KillCause } from '../protocol/agent-link.ts';
import type { AgentId, FrameworkId, MasterId, OfferId, TaskId } from '../protocol/ids.ts';
import type {
  AgentInfo,
  Attribute,
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  MasterInfo,
  Operation,
  Resource,
  SchedulerOfferConstraints,
  Task,
  Unavailability,
} from '../protocol/messages.ts';
import { hasCapability, isTerminal } from '../protocol/task-state.ts';
import type { Allocator } from './allocator/allocator.ts';
import type { Quota } from './allocator/standing.ts';
import type { Ledger } from './ledger.ts';
import type { Maintenance } from './maintenance.ts';
import type { Counters, Metrics } from './metrics.ts';
import type { Newcomers } from './newcomers.ts';
import type { RemovalPace, RemovalRate } from './removal-pace.ts';

/**
 * All that the master knows. Commands alone change it, in place and synchronously.
 *
 * INVARIANTS
 * - An offer in `offers` is also in its framework's and its agent's `offers`, and nowhere else.
 * - A task that is not terminal is in its framework's `tasks` and in its agent's `tasks`; its resources are allocated.
 * - A terminal task stays in `tasks`, without resources, until its terminal update is acknowledged; then it is completed.
 * - What the allocator counts as allocated on an agent is what its offers, its tasks that are not terminal, its executors
 *   and the pending operations of frameworks that are not speculative hold.
 * - An inverse offer in `inverseOffers` is also in its framework's and its agent's `inverseOffers`, and nowhere else.
 * - An agent is in one of `agents`, `unreachableAgents`, `goneAgents` and `recovery.agents` at most.
 * - What the registry has to have is there before anybody is told: of every change of it the effects begin with a `record`.
 */
export interface MasterState {
  readonly master: MasterInfo & { id: MasterId };
  readonly startedAt: number;
  /** When it began to lead, in milliseconds since the epoch. */
  electedAt: number;
  /** What it leads, by the registry; undefined until it has read that. */
  reign: Reign | undefined;
  readonly settings: MasterSettings;
  readonly allocator: Allocator;
  readonly frameworks: Map<FrameworkId, Framework>;
  /** Removed ones, oldest first; none of these ids may subscribe again. */
  readonly completedFrameworks: Map<FrameworkId, Framework>;
  readonly agents: Map<AgentId, Agent>;
  /** Oldest first. */
  readonly unreachableAgents: Map<AgentId, UnreachableAgent>;
  /** When operators marked agents as gone, oldest first; none of them may come back. */
  readonly goneAgents: Map<AgentId, number>;
  /** Agents in `agents` that were silent for so long that they are to be given up, but whose turn it is not yet. */
  readonly silentAgents: Set<AgentId>;
  /** What was taken over from the masters before and is not here yet. */
  readonly recovery: Recovery;
  readonly removalPace: RemovalPace;
  readonly newcomers: Newcomers;
  readonly maintenance: Maintenance;
  /** By role; a role that is not there weighs 1. */
  readonly weights: Map<string, number>;
  /** By role; all of them top-level. One of nothing is kept, and shown, until it is removed. */
  readonly quotas: Map<string, Quota>;
  /** By role; kept where there is preemption. */
  readonly shortages: Map<string, Shortage>;
  readonly offers: Map<OfferId, OfferRecord>;
  readonly inverseOffers: Map<OfferId, InverseOfferRecord>;
  /** What became of offers that are not in `offers` any more. */
  readonly ledger: Ledger;
  readonly counters: { framework: number; agent: number; offer: number; operation: number };
  readonly metrics: Metrics;
}

export interface Reign {
  readonly cluster: string;
  /** Higher than that of every master before. */
  readonly epoch: number;
}

export interface Remembered {
  /** As it was; what is kept of it may be looked at only now. */
  readonly agent: Agent;
  /** Whether all that is kept of it is what such an agent says of itself. Costs less than to look at it. */
  isJust(agent: Agent): boolean;
}

export interface Recovery {
  /** Admitted ones that have not come back yet. They may run all that they ran, and nobody knows what that is. */
  readonly agents: Map<AgentId, Remembered>;
  /** How many of them there were. */
  total: number;
  /** Milliseconds since the epoch: who is not back by then is unreachable. */
  until: number;
  /** There were quotas: no offers until enough of the agents are back. */
  offersWait: boolean;
}

export interface MasterSettings {
  /** Seconds without a pong after which an agent is unreachable. */
  agentPingTimeout: number;
  /** How fast silent agents are given up; undefined: all at once. */
  agentRemovalRate: RemovalRate | undefined;
  /** Seconds that agents have to come back to a new master; frameworks have at least as many. */
  agentReregisterTimeout: number;
  /** The share of the agents that a new master may give up because they did not come back; with more it ends. */
  recoveryRemovalLimit: number;
  /** With quotas, a new master makes no offers before this share of the agents is back, or so many seconds are over. */
  allocationRecoveryShare: number;
  allocationRecoveryTimeout: number;
  maxCompletedFrameworks: number;
  maxCompletedTasksPerFramework: number;
  maxUnreachableTasksPerFramework: number;
  /** How many unreachable agents, and how many gone ones, are remembered, and for how many seconds. */
  maxLostAgents: number;
  maxLostAgentAge: number;
  /** Whether frameworks of the user root may subscribe. */
  rootSubmissions: boolean;
  /** The roles that frameworks may have besides `*`; undefined: all. */
  roles: readonly string[] | undefined;
  /** Seconds until an unanswered offer is rescinded; undefined: never. */
  offerTimeout: number | undefined;
  /** Seconds that a role has less than its guarantee before others lose tasks for it; undefined: they never do. */
  preemptionDelay: number | undefined;
}

export interface Framework {
  readonly id: FrameworkId;
  info: FrameworkInfo;
  /** Whether a subscription is open. */
  connected: boolean;
  /** Known from an agent or an earlier id only, not yet subscribed with this master. */
  recovered: boolean;
  /** Milliseconds since the epoch. */
  registeredAt: number;
  reregisteredAt: number;
  unregisteredAt: number | undefined;
  /** When a disconnected framework is removed; undefined while it is connected or may stay for ever. */
  removeAt: number | undefined;
  readonly offers: Set<OfferId>;
  readonly inverseOffers: Set<OfferId>;
  readonly suppressedRoles: Set<string>;
  /** As the framework gave them; valid. */
  offerConstraints: SchedulerOfferConstraints | undefined;
  readonly tasks: Map<TaskId, Task>;
  /** Oldest first. */
  readonly unreachableTasks: Map<TaskId, Task>;
  readonly completedTasks: Task[];
  /** Its operations that have an id, by that id; each is also in its agent's `operations`. */
  readonly operations: Map<string, Operation>;
  /** Its own metrics, e.g. `calls/accept`. */
  readonly counters: Counters;
}

export interface Agent {
  readonly id: AgentId;
  info: AgentInfo;
  address: { hostname: string; ip: string; port: number };
  version: string;
  /** Which of its subscriptions this is. */
  attempt: AgentSubscription['attempt'];
  connected: boolean;
  registeredAt: number;
  reregisteredAt: number | undefined;
  /** When it was last heard of. */
  heardAt: number;
  /** Normal form. */
  total: Resource[];
  attributes: Attribute[];
  /** When its machine is due for maintenance. */
  unavailability: Unavailability | undefined;
  /** Nothing of it is offered until an operator reactivates it: he deactivated it, or drains it. */
  deactivated: boolean;
  drain: Drain | undefined;
  readonly offers: Set<OfferId>;
  readonly inverseOffers: Set<OfferId>;
  /** Key: taskKey(). */
  readonly tasks: Map<string, Task>;
  /** Executors that the master launched or was told of (none for command tasks), by taskKey() of their ids; their resources are allocated. */
  readonly executors: Map<string, ExecutorInfo>;
  /** Operations whose outcome is not known or not acknowledged, by uuid (base64). */
  readonly operations: Map<string, Operation>;
  /** Kills that no terminal update has answered yet, by taskKey(); sent again when the agent comes back. */
  readonly pendingKills: Map<string, Kill>;
}

/** How a task is to be killed, and why, where not its framework wants it. */
export interface Kill {
  readonly kill_policy?: KillPolicy;
  readonly cause?: KillCause;
}

/** A role has less than its guarantee. */
export interface Shortage {
  /** Milliseconds since the epoch, or since it was last helped. */
  since: number;
  /** Tasks that are being killed for it, by taskKey(), and the agent that they are on. */
  agent: AgentId;
  victims: readonly string[];
}

/** An operator empties an agent. */
export interface Drain {
  readonly config: DrainConfig;
  /** DRAINED when no task is left whose end is not acknowledged, and no operation. */
  state: 'DRAINING' | 'DRAINED';
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface UnreachableAgent {
  agent: Agent;
  /** Milliseconds since the epoch. */
  since: number;
}

export interface OfferRecord {
  readonly id: OfferId;
  readonly framework: FrameworkId;
  readonly agent: AgentId;
  readonly role: string;
  /** Normal form. */
  readonly resources: Resource[];
  readonly offeredAt: number;
}

/** A framework is asked to free an agent that is due for maintenance. */
export interface InverseOfferRecord {
  readonly id: OfferId;
  readonly framework: FrameworkId;
  readonly agent: AgentId;
  /** Milliseconds since the epoch. */
  readonly offeredAt: number;
}

export function taskKey(framework: string, task: string): string {
  return `${framework}/${task}`;
}

/** Whether what is free on an agent may be offered. */
export function isActive({ connected, deactivated }: Agent): boolean {
  return connected && !deactivated;
}

/** The roles that a framework takes offers for. */
export function rolesOf(info: FrameworkInfo): string[] {
  return hasCapability(info, 'MULTI_ROLE') ? (info.roles ?? []) : [info.role ?? '*'];
}

/** The role that a task's resources are allocated to. */
export function roleOfTask(task: Task, info: FrameworkInfo): string {
  return task.resources?.[0]?.allocation_info?.role ?? rolesOf(info)[0] ?? '*';
}

/** The role that an executor's resources are allocated to. */
export function roleOfExecutor(executor: ExecutorInfo, info: FrameworkInfo): string {
  return executor.resources?.[0]?.allocation_info?.role ?? rolesOf(info)[0] ?? '*';
}

/** Resources of offers on an agent, by offer. */
export function offeredResources(state: MasterState, offers: ReadonlySet<OfferId>): Resource[] {
  return [...offers].flatMap((id) => state.offers.get(id)?.resources ?? []);
}

/** Resources of tasks that hold some. */
export function usedResources(tasks: Iterable<Task>): Resource[] {
  return [...tasks].flatMap((task) => (isTerminal(task.state) ? [] : (task.resources ?? [])));
}
