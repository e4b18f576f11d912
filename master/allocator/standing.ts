import type { AgentId, FrameworkId } from '../../protocol/ids.ts';

/** What is set for a role of the top level and counts for it and all roles below it. Amounts of scalars by name, in cores, MB, …; a name that is missing has no guarantee, or no limit. */
export interface Quota {
  readonly guarantees: ReadonlyMap<string, number>;
  readonly limits: ReadonlyMap<string, number>;
}

/** Where a role, or a framework in one of its roles, stands in the fair sharing. Amounts are of scalars by name. */
export interface Standing {
  readonly role: string;
  /** Undefined: the role itself, with all roles below it. */
  readonly framework: FrameworkId | undefined;
  /** The largest fraction of any of the cluster's scalars that is allocated to it, offers included; not divided by the weight. */
  readonly share: number;
  /** The scalar of which it holds that fraction; undefined when it holds nothing. */
  readonly dominant: string | undefined;
  readonly weight: number;
  /** Offers included. */
  readonly allocated: ReadonlyMap<string, number>;
  /** Quotas are of roles alone. */
  readonly quota: Quota | undefined;
  /** What counts against the quota: what is allocated and not revocable, and all that is reserved for it. */
  readonly consumed: ReadonlyMap<string, number>;
  /** Of a framework: what kept agents from it in the cycles since it was last given something. */
  readonly passes: readonly Pass[];
}

/** A framework was looked at for an agent and given nothing of it. */
export interface Pass {
  readonly kind: 'NOTHING_FREE' | 'MINIMUM' | 'GPU' | 'REGION' | 'CONSTRAINTS' | 'QUOTA' | 'FILTERED';
  readonly times: number;
  /** When it was first so. Milliseconds since the epoch. */
  readonly since: number;
  /** The last such agent; it may have left. */
  readonly agent: AgentId;
}

/** Why a framework would not be offered an agent for a role now: the first thing that is in the way. */
export type Reason =
  | { kind: 'INACTIVE' | 'SUPPRESSED' | 'AGENT_INACTIVE' | 'GPU' | 'REGION' | 'CONSTRAINTS' | 'UNKNOWN_ROLE' }
  /** Nothing on the agent is free for the role; who holds what of it. */
  | { kind: 'NOTHING_FREE'; holders: readonly Holder[] }
  /** What is free is too little to be worth an offer. */
  | { kind: 'MINIMUM'; free: ReadonlyMap<string, number> }
  /** The role's limit leaves too little; what it leaves. */
  | { kind: 'LIMIT'; role: string; left: ReadonlyMap<string, number> }
  /** It is held back for guarantees of other roles; which lack what. */
  | { kind: 'HEADROOM'; lacking: ReadonlyMap<string, ReadonlyMap<string, number>> }
  /** It was refused; milliseconds since the epoch until when it will not be offered again. */
  | { kind: 'FILTERED'; until: number }
  /** Others would be given of it first: how many, and who before all. */
  | { kind: 'ORDER'; before: { framework: FrameworkId; role: string }; ahead: number };

export interface Holder {
  readonly framework: FrameworkId;
  readonly role: string;
  readonly agent: AgentId;
  readonly amounts: ReadonlyMap<string, number>;
}
