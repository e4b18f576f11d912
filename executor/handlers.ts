import type { ExecutorEventSubscribed, KillPolicy, TaskGroupInfo, TaskInfo, TaskStatus } from '../protocol/messages.ts';

type Handled = void | Promise<void>;

/**
 * What an executor does about events; each may be left out. They are called in the order of the events, none waits for what another returned: a `launch`
 * may last as long as its task does.
 */
export interface ExecutorHandlers {
  /** After each subscription, so also after a break. */
  subscribed?(about: ExecutorEventSubscribed): Handled;
  /**
   * `killed` aborts when the task shall end: by a kill, or with the executor. What this throws makes the task TASK_FAILED, with the error's
   * text; else it is this handler's to send updates, up to a terminal one.
   */
  launch?(task: TaskInfo, killed: AbortSignal): Handled;
  /** Tasks that live and die together. Without this, `launch` gets each of them. */
  launchGroup?(group: TaskGroupInfo, killed: ReadonlyMap<string, AbortSignal>): Handled;
  /** The signals of the task's `launch` abort besides. */
  kill?(taskId: string, policy: KillPolicy | undefined): Handled;
  /** From the framework; best effort. */
  message?(data: Buffer): Handled;
  /**
   * The executor shall end: on SHUTDOWN, on the signal given to `run`, or because its agent is gone for good. Its container goes when
   * `graceSeconds` are over; until then this and all `launch` handlers may finish, and updates are sent.
   */
  shutdown?(graceSeconds: number): Handled;
  /** The agent has taken the update over: from here on it is the agent's to deliver. */
  acknowledged?(status: TaskStatus): Handled;
  /** The agent's word for something that it could not do. */
  error?(message: string): Handled;
  /** There is no subscription: it broke, or could not be made. It is tried again, where that makes sense. */
  disconnected?(reason: string): Handled;
  /** A handler (other than a launch) threw, or the agent refused an update. Without this `run()` ends with the error. */
  failed?(error: unknown): void;
}
