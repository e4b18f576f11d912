import type { ContainerID } from '../../protocol/messages.ts';
import type { ContainerInput, EngineSession } from '../engine/session.ts';
import type { Run } from '../state.ts';
import { NestedOutput, type OutputFollower } from './nested-output.ts';
import { type OperatedContainer, signalName, waitStatus } from './operated-container.ts';

/** A command in the container of a task or an executor, beside its own: a nested container to the operator API. */
export class NestedContainer implements OperatedContainer {
  readonly id: ContainerID;
  /** Whose container it runs in. */
  readonly host: Run;
  readonly terminal: boolean;
  readonly takesInput = true;
  readonly output = new NestedOutput();
  readonly ended: Promise<number>;
  readonly #start = Promise.withResolvers<EngineSession | undefined>();
  readonly #end = Promise.withResolvers<number>();
  readonly #signals = new Set<number>();
  #over = false;
  #inputTaken = false;

  constructor(id: ContainerID, host: Run, terminal: boolean) {
    this.id = id;
    this.host = host;
    this.terminal = terminal;
    this.ended = this.#end.promise;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Undefined where it could not be started. */
  started(session: EngineSession | undefined): void {
    this.#start.resolve(session);
    if (session === undefined) this.#finish(0);
    else void session.ended.then(({ exitCode }) => this.#finish(waitStatus(exitCode, this.#signals)));
  }

  follow(follower: OutputFollower): () => void {
    return this.output.follow(follower);
  }

  async kill(number: number): Promise<void> {
    const name = signalName(number);
    if (name === undefined) return;
    this.#signals.add(number);
    const session = await this.#start.promise;
    await session?.signal(name);
  }

  async takeInput(): Promise<ContainerInput | undefined> {
    if (this.#inputTaken) return undefined;
    this.#inputTaken = true;
    const session = await this.#start.promise;
    if (session === undefined) this.#inputTaken = false;
    return session;
  }

  releaseInput(): void {
    this.#inputTaken = false;
  }

  #finish(status: number): void {
    this.#over = true;
    this.output.end();
    this.#end.resolve(status);
  }
}
