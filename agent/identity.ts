import type { AgentInfo } from '../protocol/messages.ts';

/** What an agent says of itself. */
export interface AgentIdentity {
  /** Undefined until the agent is registered for the first time. */
  readonly id: string | undefined;
  /** Whether the master knows it now. */
  readonly registered: boolean;
  readonly info: AgentInfo;
  readonly address: { hostname: string; ip: string; port: number };
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** host:port */
  readonly master: string;
  /** As `/flags` shows them. */
  readonly flags: Record<string, string>;
}

/** The same for those who find it out. */
export type MutableIdentity = { -readonly [Key in keyof AgentIdentity]: AgentIdentity[Key] };
