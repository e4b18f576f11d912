import { Writable } from 'node:stream';
import type { LogSinks } from '../engine/engine.ts';

export interface OutputFollower {
  /** The command waits until this resolves. */
  take(stream: 'STDOUT' | 'STDERR', data: Buffer): Promise<void>;
  end(): void;
}

/** What a nested container writes, for any number of followers. Nothing is lost before the first of them, whom the command waits for. */
export class NestedOutput {
  readonly sinks: LogSinks = { stdout: this.#sink('STDOUT'), stderr: this.#sink('STDERR') };
  readonly #followers = new Set<OutputFollower>();
  readonly #followed = Promise.withResolvers<void>();
  #ended = false;

  /** From now on; returns the function that stops this. */
  follow(follower: OutputFollower): () => void {
    if (this.#ended) follower.end();
    else this.#followers.add(follower);
    this.#followed.resolve();
    return () => this.#followers.delete(follower);
  }

  end(): void {
    this.#ended = true;
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }

  #sink(stream: 'STDOUT' | 'STDERR'): Writable {
    return new Writable({
      write: (data: Buffer, _encoding, done) => {
        // Engines write nothing to learn that all is written; to clients it would be the end.
        if (data.length === 0) return done();
        this.#take(stream, data).then(() => done(), done);
      },
    });
  }

  async #take(stream: 'STDOUT' | 'STDERR', data: Buffer): Promise<void> {
    await this.#followed.promise;
    await Promise.all([...this.#followers].map((follower) => follower.take(stream, data)));
  }
}
