import type { MasterMessage } from '../protocol/agent-link.ts';
import type { ErrorCode } from '../protocol/error-codes.ts';
import type { AgentId, FrameworkId } from '../protocol/ids.ts';
import type { SchedulerCallReconcileTask, SchedulerEvent } from '../protocol/messages.ts';
import type { News } from './news.ts';
import type { RegistryEntry } from './registry/entries.ts';

/** Tasks that a framework asked for, and how far the answers got. */
export interface Reconciliation {
  readonly asked: readonly SchedulerCallReconcileTask[];
  /** Nobody asked for the tasks by name: what is no longer active when its turn comes is passed over. */
  readonly implicit: boolean;
  readonly from: number;
}

/** What commands may ask the edge to do: kind → arguments. The performer has one function for each. */
export interface EffectArguments {
  /** Kept in the registry before any effect behind it is performed, of this list or of a later one. */
  record: { entries: readonly RegistryEntry[] };
  /** The master cannot go on, and ends. */
  giveUp: { code: ErrorCode; message: string };
  /** Dropped when the framework has no open subscription. */
  sendEvent: { framework: FrameworkId; event: SchedulerEvent };
  /** The rest of a long reconciliation, as the framework takes it; over with the subscription. */
  reconcileOn: { framework: FrameworkId; rest: Reconciliation };
  /** Ends the subscription after the events before it. */
  endSubscription: { framework: FrameworkId };
  /** Dropped when the agent has no open link. */
  sendToAgent: { agent: AgentId; message: MasterMessage };
  endLink: { agent: AgentId };
  /** An allocation as soon as this turn is over; many in one turn are one. */
  allocateSoon: Record<never, never>;
  /** Told to the subscribers of the operator API; nothing is encoded while there are none. */
  announce: { news: News };
  log: { level: 'info' | 'warn'; message: string; fields: Record<string, unknown> };
}

export type Effect = { [Kind in keyof EffectArguments]: { kind: Kind } & EffectArguments[Kind] }[keyof EffectArguments];

export function sendEvent(framework: FrameworkId, event: SchedulerEvent): Effect {
  return { kind: 'sendEvent', framework, event };
}

export function sendToAgent(agent: AgentId, message: MasterMessage): Effect {
  return { kind: 'sendToAgent', agent, message };
}

export const allocateSoon: Effect = { kind: 'allocateSoon' };

export function announce(news: News): Effect {
  return { kind: 'announce', news };
}

export function log(message: string, fields: Record<string, unknown> = {}, level: 'info' | 'warn' = 'info'): Effect {
  return { kind: 'log', level, message, fields };
}
