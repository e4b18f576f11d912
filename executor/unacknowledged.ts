import { canonicalBase64 } from '../protocol/base64.ts';
import type { ExecutorCallSubscribe, TaskInfo, TaskStatus } from '../protocol/messages.ts';

/** An update on its way. */
export interface Update {
  readonly status: TaskStatus & { readonly uuid: string };
  /** Resolves when the agent has taken it over. */
  readonly delivered: PromiseWithResolvers<void>;
}

/**
 * What the agent may not know yet, for it to be told again with each subscription.
 *
 * INVARIANTS
 * - An update is here from the moment it is made until it is acknowledged or refused.
 * - A task is here from its launch until one of its updates is acknowledged; an agent that restarted meanwhile takes a task that it
 *   launched and that is not here for one that never arrived.
 */
export class Unacknowledged {
  readonly #tasks = new Map<string, TaskInfo>();
  readonly #updates = new Map<string, Update>();

  /** Updates. */
  get size(): number {
    return this.#updates.size;
  }

  /** Oldest first. */
  get updates(): Iterable<Update> {
    return this.#updates.values();
  }

  has({ status }: Update): boolean {
    return this.#updates.has(status.uuid);
  }

  launched(task: TaskInfo): void {
    this.#tasks.set(task.task_id.value, task);
  }

  add(update: Update): void {
    this.#updates.set(update.status.uuid, update);
  }

  /** The update, unless it was acknowledged before. */
  acknowledge(taskId: string, uuid: string): Update | undefined {
    this.#tasks.delete(taskId);
    return this.#take(canonicalBase64(uuid));
  }

  /** The agent will never take it. */
  refuse({ status }: Update): void {
    this.#take(status.uuid);
  }

  subscription(): ExecutorCallSubscribe {
    return {
      unacknowledged_tasks: [...this.#tasks.values()],
      unacknowledged_updates: [...this.#updates.values()].map(({ status }) => ({ status })),
    };
  }

  #take(uuid: string): Update | undefined {
    const update = this.#updates.get(uuid);
    this.#updates.delete(uuid);
    return update;
  }
}
