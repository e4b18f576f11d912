import { setTimeout as pause } from 'node:timers/promises';
import type { MasterClient, TaskLocation } from '../scheduler/index.ts';

const pollMs = 200;

/** Copies a growing file of a sandbox to a stream. */
export class SandboxFollower {
  readonly #client: MasterClient;
  readonly #task: TaskLocation;
  readonly #file: string;
  readonly #target: NodeJS.WritableStream;
  #offset = 0;

  constructor(client: MasterClient, task: TaskLocation, file: string, target: NodeJS.WritableStream) {
    this.#client = client;
    this.#task = task;
    this.#file = file;
    this.#target = target;
  }

  /** Copies until the signal aborts. An agent that does not answer at the moment is asked again. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.drain().catch(() => undefined);
      await pause(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Copies what there is now, as long as there is somebody to read it. */
  async drain(): Promise<void> {
    while (this.#target.writable) {
      const part = await this.#client.readSandbox(this.#task, this.#file, this.#offset);
      if (part === undefined || part.length === 0) return;
      this.#offset += part.length;
      this.#target.write(part);
    }
  }
}
