import type { AgentId } from '../protocol/ids.ts';

const mostRemembered = 100_000;

/**
 * Agents that were given an id and have not used it yet. One that never heard of it, because its link broke before, dials again
 * without any: it is the same agent.
 */
export class Newcomers {
  /** By the process of the agent, the oldest first. */
  readonly #ids = new Map<string, AgentId>();

  idOf(process: string | undefined): AgentId | undefined {
    return process === undefined ? undefined : this.#ids.get(process);
  }

  /** `id`: what it was given; undefined: it knows its own. */
  note(process: string | undefined, id: AgentId | undefined): void {
    if (process === undefined) return;
    this.#ids.delete(process);
    if (id === undefined) return;
    this.#ids.set(process, id);
    const [oldest] = this.#ids.keys();
    if (this.#ids.size > mostRemembered && oldest !== undefined) this.#ids.delete(oldest);
  }
}
