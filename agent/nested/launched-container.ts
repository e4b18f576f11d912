import type { ContainerID } from '../../protocol/messages.ts';
import type { ContainerInput } from '../engine/session.ts';
import type { TaskRecord } from '../state.ts';
import { NestedOutput, type OutputFollower } from './nested-output.ts';
import type { OperatedContainer } from './operated-container.ts';
import { OwnContainer, type OwnContainerOptions } from './own-container.ts';

/** A container that a call of the operator API asked for: a standalone one, or a nested one with an image of its own. */
export class LaunchedContainer implements OperatedContainer {
  readonly id: ContainerID;
  /** What it is planned and launched as. */
  readonly host: TaskRecord;
  readonly ended: Promise<number>;
  /** Of a session: all that it writes. */
  readonly output: NestedOutput | undefined;
  readonly #own: OwnContainer;
  readonly #abort: () => void;

  /** `abort`: gives its launch up. */
  constructor(
    id: ContainerID,
    record: TaskRecord,
    options: OwnContainerOptions & { session: boolean; abort: () => void },
  ) {
    this.id = id;
    this.host = record;
    this.output = options.session ? new NestedOutput() : undefined;
    this.#own = new OwnContainer(record, { ...options, hasInput: options.session });
    this.#abort = options.abort;
    this.ended = this.#own.ended;
    void this.ended.then(() => this.output?.end());
  }

  get terminal(): boolean {
    return this.#own.terminal;
  }

  get takesInput(): boolean {
    return this.#own.takesInput;
  }

  get over(): boolean {
    return this.#own.over;
  }

  follow(follower: OutputFollower): () => void {
    return this.output?.follow(follower) ?? this.#own.follow(follower);
  }

  async kill(number: number): Promise<void> {
    if (this.host.phase === 'preparing') this.#abort();
    else await this.#own.kill(number);
  }

  takeInput(): Promise<ContainerInput | undefined> {
    return this.#own.takeInput();
  }

  releaseInput(): void {
    this.#own.releaseInput();
  }
}
