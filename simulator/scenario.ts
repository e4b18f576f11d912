import type { Sorting } from '../master/allocator/sorting.ts';
import type { Attribute, Resource } from '../protocol/messages.ts';
import type { Span } from './spans.ts';

/** A cluster, who uses it, and what befalls it. Times are seconds, virtual ones. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** When it ends. */
  readonly until: number;
  /** Between two looks at the cluster; undefined: sixty looks. */
  readonly sample: number | undefined;
  readonly master: MasterScenario;
  /** What a message takes from one end to the other. */
  readonly latency: number;
  /** From RUN_TASK until a task runs. */
  readonly launch: Span;
  readonly roles: Readonly<Record<string, RoleScenario>>;
  readonly agents: readonly AgentGroup[];
  readonly frameworks: readonly FrameworkGroup[];
  readonly faults: readonly Fault[];
}

export interface MasterScenario {
  readonly allocationInterval: number;
  /** Of silence until an agent is unreachable. */
  readonly agentPingTimeout: number;
  /** Until an unanswered offer is rescinded; undefined: never. */
  readonly offerTimeout: number | undefined;
  readonly roleSorter: Sorting;
  readonly frameworkSorter: Sorting;
}

export interface RoleScenario {
  readonly weight: number | undefined;
  readonly guarantee: readonly Resource[];
  readonly limit: readonly Resource[];
}

export interface AgentGroup {
  readonly name: string;
  readonly count: number;
  readonly resources: readonly Resource[];
  readonly attributes: readonly Attribute[];
  /** When they join. */
  readonly from: number;
}

/**
 * How a framework deals with offers:
 * - polite: launches what fits, declines the rest for a while, suppresses when nothing waits;
 * - greedy: launches what fits, and wants to see at once again what is left, also when nothing waits;
 * - picky: polite, but takes agents with an attribute alone;
 * - hoarding: keeps what it has no use for, in case something comes;
 * - slow: polite, but thinks before each answer;
 * - dead: takes offers and never answers.
 */
export const behaviours = ['polite', 'greedy', 'picky', 'hoarding', 'slow', 'dead'] as const;
export type Behaviour = (typeof behaviours)[number];

export interface FrameworkGroup {
  readonly name: string;
  readonly count: number;
  readonly role: string;
  readonly behaviour: Behaviour;
  /** When each subscribes; those of a group one after the other, so far apart. */
  readonly from: number;
  readonly apart: number;
  /** When it tears itself down; undefined: never. */
  readonly until: number | undefined;
  /** For the sorter `priority`. */
  readonly priority: number | undefined;
  /** `name:value` of the attribute that a picky one looks for. */
  readonly wants: string | undefined;
  /** Of a decline's filter; undefined: as its behaviour has it. */
  readonly refuse: number | undefined;
  /** How long a hoarding one keeps an offer, or a slow one thinks. */
  readonly hold: number | undefined;
  /** The most tasks it launches on one offer. */
  readonly perOffer: number | undefined;
  readonly partitionAware: boolean;
  readonly tasks: readonly TaskStream[];
}

/** Tasks of one kind: so many, one after the other, or always more. */
export interface TaskStream {
  readonly resources: readonly Resource[];
  readonly duration: Span;
  /** How many; undefined: without end. */
  readonly count: number | undefined;
  /** Between two of them; undefined: all there from the beginning. */
  readonly every: Span | undefined;
  /** When the first comes, after its framework. */
  readonly from: number;
}

/**
 * - agent-dies: its machine goes off with all tasks, and says nothing; back, it knows what it ran;
 * - agent-burns: its machine goes off for ever with its disk, and another one takes its place;
 * - agent-restarts: its process is killed, its tasks go on;
 * - agent-drains: an operator empties it, and reactivates it afterwards;
 * - link-breaks: nothing gets through between agent and master, its tasks go on;
 * - link-resets: the connection between agent and master closes, both notice; tasks go on, and after a while the agent dials again;
 * - link-stalls: what agent and master send each other arrives when it is over, in one direction or in both;
 * - clock-steps: somebody sets the clock of an agent's machine, by up to an hour, and back afterwards;
 * - master-restarts: its process is killed; the next one knows what the registry has;
 * - master-clock-steps: somebody sets the clock of the master's machine, and back afterwards;
 * - scheduler-dies: its connection closes; back, it subscribes with its id and asks what became of its tasks;
 * - scheduler-fails-over: another instance subscribes with its id while its connection is open;
 * - scheduler-stalls: as link-stalls, between scheduler and master;
 * - scheduler-stutters: it acknowledges everything twice, the second time late.
 */
export const faultKinds = [
  'agent-dies',
  'agent-burns',
  'agent-restarts',
  'agent-drains',
  'link-breaks',
  'link-resets',
  'link-stalls',
  'clock-steps',
  'master-restarts',
  'master-clock-steps',
  'scheduler-dies',
  'scheduler-fails-over',
  'scheduler-stalls',
  'scheduler-stutters',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** When it first happens. */
  readonly at: number;
  /** Between one and the next; undefined: it happens once. */
  readonly every: Span | undefined;
  /** How many it befalls at a time. */
  readonly count: number;
  /** The group of agents or frameworks that they are of; undefined: all. */
  readonly among: string | undefined;
  /** How long it lasts; undefined: for ever. */
  readonly lasts: Span | undefined;
}
