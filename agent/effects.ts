import type { AgentMessage } from '../protocol/agent-link.ts';
import type { Resource } from '../protocol/messages.ts';
import type { OperationRecord, TaskRecord } from './state.ts';

/** What commands may ask the edge to do: kind → arguments. The performer has one function for each. */
export interface EffectArguments {
  /** Dropped while there is no link; the master is told all when it is there again. */
  sendToMaster: { message: AgentMessage };
  /** Sandbox, URIs, image, container: comes back as `containerStarted` or `launchFailed`. */
  launch: { task: TaskRecord };
  /** Gives up a launch that is under way: comes back as `launchFailed`. */
  abortLaunch: { task: TaskRecord };
  /** Comes back as `containerExited`. */
  stopContainer: { task: TaskRecord; graceSeconds: number };
  removeContainer: { task: TaskRecord };
  /** Removes and makes the directories of persistent volumes, and writes the checkpoint: comes back as `operationSettled`. */
  settleOperation: { operation: OperationRecord; made: readonly Resource[]; removed: readonly Resource[] };
  /** Writes down resources and operations. */
  checkpoint: Record<never, never>;
  log: { level: 'info' | 'warn'; message: string; fields: Record<string, unknown> };
}

export type Effect = { [Kind in keyof EffectArguments]: { kind: Kind } & EffectArguments[Kind] }[keyof EffectArguments];

export function log(message: string, fields: Record<string, unknown> = {}, level: 'info' | 'warn' = 'info'): Effect {
  return { kind: 'log', level, message, fields };
}
