import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerID } from '../../protocol/messages.ts';
import type { ContainerEnds } from '../container-ends.ts';
import type { ContainerName, Engine, LogSinks } from '../engine/engine.ts';
import type { ContainerInput } from '../engine/session.ts';
import { isPod, podOf } from '../pods.ts';
import type { Run } from '../state.ts';
import type { OutputFollower } from './nested-output.ts';
import { type OperatedContainer, signalName, waitStatus } from './operated-container.ts';

/** Milliseconds that the last of the output has when the container is over. */
const patience = 1_000;

export interface OwnContainerOptions {
  engine: Partial<Pick<Engine, 'listen' | 'openInput' | 'signal'>>;
  ends: Pick<ContainerEnds, 'wait'>;
  /** Whether it was made with an input that is no terminal's. */
  hasInput?: boolean;
}

/** The container of a task or an executor, which its framework launched. */
export class OwnContainer implements OperatedContainer {
  readonly id: ContainerID;
  readonly #run: Run;
  readonly #options: OwnContainerOptions;
  readonly #signals = new Set<number>();
  #input: ContainerInput | 'opening' | undefined;

  constructor(run: Run, options: OwnContainerOptions) {
    const pod = run.kind === 'task' ? podOf(run) : undefined;
    this.id = { value: run.containerId, ...(pod && { parent: { value: pod.containerId } }) };
    this.#run = run;
    this.#options = options;
  }

  /** Whether it writes and may be written to: a pod as such may not. */
  get talks(): boolean {
    return this.#run.phase === 'running' && !(this.#run.kind === 'executor' && isPod(this.#run));
  }

  get terminal(): boolean {
    return this.#run.info.container?.tty_info !== undefined;
  }

  get takesInput(): boolean {
    return this.terminal || this.#options.hasInput === true;
  }

  get runs(): boolean {
    return this.#run.phase === 'running';
  }

  get over(): boolean {
    return this.#run.phase === 'ended';
  }

  get ended(): Promise<number> {
    return this.#options.ends.wait(this.#run).then((exitCode) => waitStatus(exitCode, this.#signals));
  }

  follow(follower: OutputFollower): () => void {
    const stopping = new AbortController();
    const stop = () => stopping.abort(new Error('Nobody listens any more'));
    void this.#listen(follower, stopping.signal)
      .catch(() => undefined)
      .finally(() => {
        stop();
        follower.end();
      });
    return stop;
  }

  async kill(number: number): Promise<void> {
    const name = signalName(number);
    if (name === undefined) return;
    this.#signals.add(number);
    await Promise.all(this.#targets().map((target) => this.#options.engine.signal?.(target, name)));
  }

  async takeInput(): Promise<ContainerInput | undefined> {
    if (this.#input !== undefined || !this.takesInput) return undefined;
    this.#input = 'opening';
    this.#input = await this.#options.engine.openInput?.(this.#run.containerName).catch(() => undefined);
    return this.#input;
  }

  releaseInput(): void {
    if (typeof this.#input === 'object') this.#input.input.end();
    this.#input = undefined;
  }

  async #listen(follower: OutputFollower, signal: AbortSignal): Promise<void> {
    const sinks: LogSinks = { stdout: sink('STDOUT', follower), stderr: sink('STDERR', follower) };
    const listening = await this.#options.engine.listen?.(this.#run.containerName, sinks, { signal });
    // One that ended while it was being attached to may never say so.
    await Promise.race([listening?.ended, this.ended.then(() => pause(patience, undefined, { ref: false }))]);
  }

  /** A pod whose network is the host's is nothing but its tasks. */
  #targets(): ContainerName[] {
    const run = this.#run;
    if (run.kind === 'task' || !isPod(run)) return [run.containerName];
    const members = [...run.launched].filter(({ phase }) => phase === 'running');
    return [...members, run].map(({ containerName }) => containerName);
  }
}

function sink(type: 'STDOUT' | 'STDERR', follower: OutputFollower): Writable {
  return new Writable({
    write: (data: Buffer, _encoding, done) => {
      // Engines write nothing to learn that all is written; to clients it would be the end.
      if (data.length === 0) return done();
      follower.take(type, data).then(() => done(), done);
    },
  });
}
