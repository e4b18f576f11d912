import type { AgentMessage } from '../protocol/agent-link.ts';
import type { ExecutorEvent, Resource } from '../protocol/messages.ts';
import type { ContainerExit } from './engine/engine.ts';
import type { ExecutorRecord, OperationRecord, Run, TaskRecord } from './state.ts';

/** What commands may ask the edge to do: kind → arguments. The performer has one function for each. */
export interface EffectArguments {
  /** Dropped while there is no link; the master is told all when it is there again. */
  sendToMaster: { message: AgentMessage };
  /**
   * Sandbox, URIs, image, container: comes back as `containerStarted` or `launchFailed`, of an executor as `executorStarted` or `executorFailed`.
   * `again`: what an earlier run of the agent left of it goes first.
   */
  launch: { run: Run; again?: boolean };
  /** An earlier run of the agent started it, and its container runs: comes back like `launch`, unless it is known to run. */
  resume: { run: Run };
  /** An earlier run of the agent started it, and its container has ended: comes back as `containerExited` or `executorExited`. */
  conclude: { run: Run; exit: ContainerExit };
  /** Gives up a launch that is under way: comes back as one that failed. */
  abortLaunch: { run: Run };
  /** Comes back as `containerExited` or `executorExited`. */
  stopContainer: { run: Run; graceSeconds: number };
  removeContainer: { run: Run };
  /** The task runs since now: what its checks find out comes back as `healthChanged` and `checkStatusChanged`. */
  startChecks: { task: TaskRecord };
  stopChecks: { task: TaskRecord };
  /** Dropped while it does not listen. */
  sendToExecutor: { executor: ExecutorRecord; event: ExecutorEvent };
  /** Ends the stream of an executor. */
  hangUpOnExecutor: { executor: ExecutorRecord };
  /** Gives the container what the executor and its tasks hold now: comes back as `updateFailed`, or not at all. */
  updateContainer: { executor: ExecutorRecord };
  /** Comes back as `registrationTimedOut`, `reregistrationTimedOut` or `graceExpired`. */
  awaitExecutor: { executor: ExecutorRecord; until: 'registered' | 'reregistered' | 'ended'; seconds: number };
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
