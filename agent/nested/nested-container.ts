import { constants } from 'node:os';
import type { ContainerID } from '../../protocol/messages.ts';
import type { EngineSession } from '../engine/session.ts';
import type { ContainerRecord } from '../state.ts';
import { NestedOutput } from './nested-output.ts';

/** A command in the container of a task or an executor, beside its own: a nested container to the operator API. */
export class NestedContainer {
  readonly id: ContainerID;
  /** Whose container it runs in. */
  readonly host: ContainerRecord;
  readonly terminal: boolean;
  readonly output = new NestedOutput();
  /** Resolves with its status, as wait(2) has it. */
  readonly ended: Promise<number>;
  readonly #start = Promise.withResolvers<EngineSession | undefined>();
  readonly #end = Promise.withResolvers<number>();
  readonly #signals = new Set<number>();
  #over = false;
  #hasInput = false;

  constructor(id: ContainerID, host: ContainerRecord, terminal: boolean) {
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
    else void session.ended.then(({ exitCode }) => this.#finish(this.#status(exitCode)));
  }

  session(): Promise<EngineSession | undefined> {
    return this.#start.promise;
  }

  /** `number` as in signal(7); one that there is not does nothing. */
  async kill(number: number): Promise<void> {
    const [name] = Object.entries(constants.signals).find(([, value]) => value === number) ?? [];
    if (name === undefined) return;
    this.#signals.add(number);
    const session = await this.#start.promise;
    await session?.signal(name);
  }

  /** Whether the caller has its input now: one at a time may. */
  takeInput(): boolean {
    if (this.#hasInput) return false;
    this.#hasInput = true;
    return true;
  }

  releaseInput(): void {
    this.#hasInput = false;
  }

  /** An engine tells no signal from an exit code beyond 128: what was sent and fits is taken to have been its end. */
  #status(exitCode: number): number {
    return this.#signals.has(exitCode - 128) ? exitCode - 128 : exitCode << 8;
  }

  #finish(status: number): void {
    this.#over = true;
    this.output.end();
    this.#end.resolve(status);
  }
}
