import type { OfferEnd } from '../ledger.ts';

/** What `GET /mesita/v1/why` answers. Times are seconds since the epoch, amounts are of scalars by name, in cores, MB, …. */
export type Answer = TaskAnswer | FrameworkAnswer | RoleAnswer;

export type Amounts = Readonly<Record<string, number>>;

/** What a framework waits for, as far as anybody can tell. */
export interface Wish {
  amounts: Amounts;
  /**
   * Who says so: whoever asks (`resources=`), the framework by its label `mesita.resources`, the framework by its
   * `offer_filters`, or what the last task had that it lost and has not replaced.
   */
  source: 'ASKED' | 'LABEL' | 'OFFER_FILTERS' | 'LOST_TASK';
  task_id?: string;
}

export interface FrameworkName {
  framework_id: string;
  framework: string;
}

export interface FrameworkAnswer extends FrameworkName {
  subject: 'framework';
  at: number;
  /** RECOVERED: known from agents alone, not subscribed with this master yet. */
  condition: 'ACTIVE' | 'DISCONNECTED' | 'RECOVERED' | 'COMPLETED';
  since: number;
  /** When a disconnected one is removed. */
  removed_at?: number;
  tasks: { active: number; unreachable: number; completed: number };
  wish?: Wish;
  roles: FrameworkRole[];
  /** Who holds most of the cluster, it included. */
  holders: Holder[];
  /** The smallest change first. */
  advice: Advice[];
}

/** A framework in one of its roles. */
export interface FrameworkRole {
  role: string;
  suppressed: boolean;
  share: number;
  allocated: Amounts;
  /** Offers that it has not answered. */
  outstanding: Outstanding;
  /** When it was offered something for the last time. */
  last_offered?: number;
  /** What became of the others since it subscribed. */
  ended: Record<Lowercase<OfferEnd['kind']>, number> & { tasks: number };
  /** Those that it declined since it began to wait: since it last launched something, or asked for offers again. */
  declined?: { offers: number; since: number; last: number; refuse_seconds: number; largest: Amounts };
  /** The latest that are over, the last one first. */
  latest: {
    agent_id: string;
    amounts: Amounts;
    offered_at: number;
    ended_at: number;
    end: OfferEnd['kind'];
    reason?: string;
    refuse_seconds?: number;
    tasks?: number;
  }[];
  /** What kept agents from it in the allocations since it was last given something. */
  passed_over: { kind: string; times: number; since: number; agent_id: string }[];
  survey: Survey;
}

export interface Outstanding {
  offers: number;
  amounts: Amounts;
  /** Since when it has the oldest. */
  since?: number;
}

/** Why it would not be offered what it needs now, agent by agent. */
export interface Survey {
  /** How many agents there are, and how many were looked at. */
  agents: number;
  examined: number;
  reasons: { kind: ObstacleKind; agents: number; agent_id: string; hostname: string; since?: number; until?: number }[];
  /** Those that come nearest to what it waits for. */
  nearest: AgentFinding[];
}

export interface AgentFinding {
  agent_id: string;
  hostname: string;
  obstacle: Obstacle;
  /** What the role could be given of it, with what the framework has been offered there already. */
  free: Amounts;
  /** What the role could be given of it were nobody there. */
  total: Amounts;
  /** What it has too little of for what is waited for. */
  lacks: Amounts;
  /** Even when it is empty it has too little. */
  too_small: boolean;
  /** Who has it, the largest first. */
  held_by: HeldBy[];
}

/** Something on an agent that somebody has. */
export interface HeldBy extends FrameworkName {
  role: string;
  kind: 'TASK' | 'EXECUTOR' | 'OFFER';
  id: string;
  amounts: Amounts;
  since?: number;
}

/** What is in the way between a framework and an agent. Most are those of the allocator (allocator/standing.ts). */
export type Obstacle =
  | { kind: 'INACTIVE' | 'UNKNOWN_ROLE' | 'GPU' | 'REGION' | 'CONSTRAINTS' }
  | { kind: 'SUPPRESSED'; since?: number }
  | { kind: 'DISCONNECTED'; since: number; until: number }
  | { kind: 'DEACTIVATED' }
  | { kind: 'DRAINING' | 'DRAINED'; since: number }
  /** What is free is less than it waits for. */
  | { kind: 'TOO_SMALL' }
  | { kind: 'NOTHING_FREE' }
  | { kind: 'MINIMUM' }
  | { kind: 'LIMIT'; role: string; left: Amounts }
  | { kind: 'HEADROOM'; lacking: Readonly<Record<string, Amounts>> }
  | { kind: 'FILTERED'; until: number }
  /** A new master, and there are quotas: nothing is offered before more of its agents are back. */
  | { kind: 'RECOVERY'; missing: number; until: number }
  | { kind: 'ORDER'; before: FrameworkName; role: string; ahead: number }
  /** It has been offered what it waits for, and has not answered. */
  | { kind: 'OFFERED'; since: number }
  /** Nothing: it comes with the next allocation. */
  | { kind: 'NOTHING' };

export type ObstacleKind = Obstacle['kind'];

export interface Holder extends FrameworkName {
  role: string;
  share: number;
  allocated: Amounts;
  outstanding: Outstanding;
}

/** Something that would help. */
export type Advice =
  | { kind: 'WAIT_FOR_ALLOCATION'; agent: AgentName }
  | { kind: 'ANSWER_OFFERS'; offers: number; since: number; rescinded_at?: number }
  | { kind: 'WAIT_FOR_FILTER'; agent: AgentName; until: number }
  | { kind: 'WAIT_FOR_AGENTS'; missing: number; until: number }
  | { kind: 'WAIT_FOR_TURN'; agent: AgentName; before: FrameworkName; ahead: number }
  | { kind: 'REVIVE'; role: string }
  | { kind: 'RECONNECT'; removed_at?: number }
  | { kind: 'WAIT_FOR_OFFER'; holder: FrameworkName; agent: AgentName; amounts: Amounts; since: number; until?: number }
  | { kind: 'REACTIVATE_AGENT'; agent: AgentName; because: 'DEACTIVATED' | 'DRAINING' | 'DRAINED' }
  | { kind: 'RECONNECT_AGENT'; agent: AgentName; since: number; until?: number }
  | { kind: 'RAISE_LIMIT'; role: string; amounts: Amounts }
  | { kind: 'LOWER_GUARANTEE'; role: string; amounts: Amounts }
  | { kind: 'RELAX_CONSTRAINTS'; agent: AgentName }
  | { kind: 'TAKE_GPUS'; agent: AgentName }
  | { kind: 'TAKE_REGIONS'; agent: AgentName }
  | { kind: 'ASK_FOR_LESS'; agent: AgentName; less: Amounts; largest: Amounts }
  | { kind: 'WAIT_FOR_TASKS'; agent: AgentName; tasks: HeldBy[] }
  | { kind: 'ADD_AGENT'; amounts: Amounts };

export interface AgentName {
  agent_id: string;
  hostname: string;
}

export interface RoleAnswer {
  subject: 'role';
  at: number;
  role: string;
  weight: number;
  share: number;
  dominant?: string;
  allocated: Amounts;
  quota?: { guarantees: Amounts; limits: Amounts; consumed: Amounts };
  /** What its guarantees lack, and what its limits leave. */
  lacks: Amounts;
  left: Amounts;
  /** How many frameworks have it or a role below it; those that hold least come first. */
  members: number;
  frameworks: (FrameworkName & FrameworkRole & { condition: FrameworkAnswer['condition']; wish?: Wish })[];
  holders: Holder[];
  advice: (Advice & Partial<FrameworkName>)[];
}

export interface TaskAnswer extends FrameworkName {
  subject: 'task';
  at: number;
  task_id: string;
  name: string;
  role: string;
  /** PENDING: its framework has not launched it. COMPLETED: it is over and acknowledged, or lost. */
  place: 'PENDING' | 'ACTIVE' | 'UNREACHABLE' | 'COMPLETED';
  state?: string;
  amounts: Amounts;
  agent?: AgentName & {
    condition: 'ACTIVE' | 'DISCONNECTED' | 'DEACTIVATED' | 'DRAINING' | 'DRAINED' | 'UNREACHABLE' | 'GONE' | 'REMOVED';
    since?: number;
    until?: number;
  };
  /** The oldest first. */
  history: { state: string; at?: number; reason?: string; source?: string; message?: string; healthy?: boolean }[];
  waits: TaskWait[];
  /** Of one that is pending, or lost and not replaced: what its framework waits for. */
  placement?: FrameworkAnswer;
}

/** What has to happen before a task goes on. */
export type TaskWait =
  /** The agent has said nothing of it yet. */
  | { kind: 'AGENT_START' }
  | { kind: 'AGENT_BACK'; since: number; until: number }
  /** The framework has not acknowledged the latest update. */
  | { kind: 'ACKNOWLEDGEMENT'; of: string; since?: number }
  | { kind: 'FRAMEWORK_BACK'; since: number; until: number }
  /** A kill is on its way. */
  | { kind: 'KILL'; because: 'CALL' | 'DRAIN' | 'PREEMPTION' };
