import { describeError } from '../protocol/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { LogLimits } from '../runtime/rotating-file.ts';
import type { Engine } from './engine/engine.ts';
import { Gate } from './gate.ts';
import { OutputCopy } from './output-copy.ts';
import type { ContainerRecord } from './state.ts';

// Short tasks are over by then, and their output is read once instead of being followed.
const followAfterMs = 250;
// How long the end of a task waits for the next byte of an engine that does not hand out its output.
const patienceMs = 5_000;

const readsAtOnce = 2;

interface Following {
  cancel: () => void;
  copy: OutputCopy | undefined;
}

/** Brings containers' output into the files `stdout` and `stderr` of their sandboxes. */
export class ContainerLogs {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: LogLimits;
  readonly #following = new Map<string, Following>();
  readonly #stopping = new AbortController();
  /** When many short tasks end, reading their output must not take the engine from those that start. */
  readonly #reading = new Gate(readsAtOnce);
  readonly #catchingUp = new Gate(readsAtOnce);

  constructor(options: { engine: Engine; clock: Clock; log: Log; limits: LogLimits }) {
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limits = options.limits;
  }

  /** The container is made and about to start: with an engine that can, its output is taken as it is written. */
  async attach(container: ContainerRecord): Promise<void> {
    if (this.#engine.attach === undefined) return;
    const copy = this.#copyOf(container);
    try {
      await copy.attach();
    } catch (error) {
      copy.discard();
      throw error;
    }
    this.#following.set(container.containerName, { cancel: () => undefined, copy });
  }

  /** The container did not start. */
  drop(container: ContainerRecord): void {
    this.#following.get(container.containerName)?.copy?.discard();
    this.#following.delete(container.containerName);
  }

  /** The container runs, perhaps since before the agent does: its output is followed, unless it ends first. */
  started(container: ContainerRecord): void {
    if (this.#following.has(container.containerName)) return;
    const following: Following = { cancel: () => undefined, copy: undefined };
    following.cancel = this.#clock.after(followAfterMs, () => {
      following.copy = this.#copyOf(container);
      following.copy.follow();
    });
    this.#following.set(container.containerName, following);
  }

  /** An earlier run of the agent started it, and it runs: its output goes on where the files end. */
  recovered(container: ContainerRecord): void {
    this.started(container);
  }

  /**
   * The container ended: resolves when all of its output is in the files, or no more of it is to be had; with what is
   * wrong with it then.
   */
  async ended(container: ContainerRecord): Promise<string | undefined> {
    const following = this.#following.get(container.containerName);
    this.#following.delete(container.containerName);
    following?.cancel();
    const copy = following?.copy ?? this.#copyOf(container);
    const finish = () => this.#finish(copy);
    const problem = following?.copy === undefined ? await this.#reading.pass(finish) : await finish();
    if (problem !== undefined && !this.#stopping.signal.aborted)
      this.#log.warn({ container: container.containerName, error: problem }, 'output is incomplete');
    return problem;
  }

  async #finish(copy: OutputCopy): Promise<string | undefined> {
    const stopWatching = this.#watch(copy);
    const problem = await copy.finish().then(() => undefined, describeError);
    stopWatching();
    return problem;
  }

  stop(): void {
    for (const { cancel, copy } of this.#following.values()) {
      cancel();
      copy?.discard();
    }
    this.#stopping.abort();
  }

  #copyOf(container: ContainerRecord): OutputCopy {
    return new OutputCopy({
      engine: this.#engine,
      clock: this.#clock,
      container: container.containerName,
      sandbox: container.sandbox,
      limits: this.#limits,
      stop: this.#stopping.signal,
      catchingUp: this.#catchingUp,
    });
  }

  /** Abandons a copy that has stood still for a while: a task's end must not hang. Returns what stops the watch. */
  #watch(copy: OutputCopy): () => void {
    let seen = copy.progress;
    let cancel = () => {};
    const look = () => {
      if (copy.progress === seen) return copy.abandon(new Error('the engine hands out no more of it'));
      seen = copy.progress;
      cancel = this.#clock.after(patienceMs, look);
    };
    cancel = this.#clock.after(patienceMs, look);
    return () => cancel();
  }
}
