import type { Clock } from '../../runtime/clock.ts';
import { procFilesMarkedBy } from '../../runtime/proc-files.ts';
import { ProcessTable } from '../../runtime/process-table.ts';
import { TreeEnder } from '../../runtime/tree-ender.ts';
import type { ContainerName, EngineEvent } from './engine.ts';
import { markVariable } from './process-command.ts';
import { isKept, ProcessContainer } from './process-container.ts';
import { hostError, sendSignal } from './process-host.ts';
import {
  type LaunchOrder,
  type Notice,
  type ProcessId,
  type ProcessKeeper,
  readKeeperLog,
  type Started,
} from './process-keeper.ts';
import type { FoundContainer, ProcessStore } from './process-store.ts';

export interface LivesOptions {
  store: ProcessStore;
  keeper: Pick<ProcessKeeper, 'launch' | 'forget'>;
  clock: Clock;
  /** Containers that run, to be looked at. */
  watching: { watch(container: ProcessContainer): void; forget(container: ProcessContainer): void };
  emit(event: EngineEvent): void;
  warn(message: string): void;
}

/** Milliseconds that the keeper has to start a process. */
const startPatience = 30_000;
/** Milliseconds between two looks for what is left of containers that have ended, and how many times as long as a look takes they are apart. */
const settling = { every: 40, times: 9 };
/** As after SIGKILL. */
const unknownExit = 137;
const keeperKilled = 'the process that looked after it was killed';

/**
 * How containers of the process engine come to life and to an end (see ProcessContainer) from what their keepers say and
 * from what is found in /proc.
 *
 * INVARIANT: `exited` is reported when no process of the container is left.
 */
export class ProcessLives {
  readonly containers = new Map<ContainerName, ProcessContainer>();
  readonly #byMark = new Map<string, ProcessContainer>();
  readonly table = new ProcessTable(procFilesMarkedBy(markVariable));
  readonly ender: TreeEnder;
  readonly #options: LivesOptions;
  /** Whose main process is over, with its status, until the next look for what is left of them. */
  #settling = new Map<ProcessContainer, number>();
  #cancelSettling: (() => void) | undefined;
  /** Milliseconds since the epoch. */
  #settleNext = 0;

  constructor(options: LivesOptions) {
    this.#options = options;
    this.ender = new TreeEnder({ table: this.table, clock: options.clock, signal: sendSignal });
  }

  stop(): void {
    this.#cancelSettling?.();
  }

  add(container: ProcessContainer): void {
    this.containers.set(container.name, container);
    this.#byMark.set(container.mark, container);
  }

  /** One that an earlier engine object has left: it runs on, or what is left of it ends now, which is not reported. */
  async takeOver({ spec, mark, within, started, exitStatus, memPeak }: FoundContainer): Promise<void> {
    const { store } = this.#options;
    const container = new ProcessContainer({ spec, mark, ...(within === undefined ? {} : { within }) });
    container.memPeak = memPeak;
    container.started = started;
    this.add(container);
    if (exitStatus === undefined && started !== undefined && isKept(started)) {
      this.#running(container, started);
    } else {
      // One that was being started when the agent died may have begun, and not have said so.
      this.table.register(mark, undefined);
      await this.ender.end(mark);
      this.table.forget(mark);
      // It may have ended since it was looked for.
      const ended = exitStatus ?? store.endOf(mark);
      if (ended !== undefined || started !== undefined) {
        if (ended === undefined) container.because = keeperKilled;
        store.noteEnd(mark, ended ?? unknownExit);
        this.#exited(container, ended ?? unknownExit);
      }
    }
    // Nobody waits for the answer of a command any more.
    if (within !== undefined) await this.remove(container);
  }

  /** Resolves when it runs, or has run. Throws MESITA_ENGINE_FAILED, MESITA_DISK_FULL. */
  async begin(container: ProcessContainer, order: LaunchOrder): Promise<void> {
    const { keeper, clock } = this.#options;
    const { name, mark } = container;
    container.state = 'starting';
    container.launched = true;
    container.order = undefined;
    container.begun = Promise.withResolvers<void>();
    this.table.register(mark, undefined);
    keeper.launch(order);
    const cancel = clock.after(startPatience, () => container.begun.reject(new Error('nothing was heard of it')));
    try {
      await container.begun.promise;
    } catch (cause) {
      await this.ender.end(mark);
      container.state = 'created';
      throw hostError(`start the process of ${name}`, cause);
    } finally {
      cancel();
    }
  }

  /** One that was started without the keeper: its end is to be told by `hear`. */
  adopt(container: ProcessContainer, started: Started): void {
    container.launched = true;
    container.order = undefined;
    this.#running(container, started);
  }

  /** What it was the parent of ends with it, for nobody will ever know how those would have ended. */
  keeperDied({ pid }: ProcessId, log: string): void {
    for (const notice of readKeeperLog(log).notices) this.hear(notice);
    for (const container of this.containers.values()) {
      if (container.started?.keeper.pid === pid) this.unattended(container);
      if (container.state === 'starting') container.begun.reject(new Error('who starts processes was killed'));
    }
  }

  /** It may be heard again. */
  hear(notice: Notice): void {
    const container = this.#byMark.get(notice.mark);
    if (container === undefined) return;
    if (notice.kind === 'failed' && container.state === 'starting') container.begun.reject(notice.error);
    if (notice.kind === 'started' && container.state === 'starting') this.#running(container, notice.started);
    if (notice.kind === 'ended' && container.state === 'running') this.#ended(container, notice.exitStatus);
  }

  exceeded(container: ProcessContainer, what: 'memory' | 'processes'): void {
    const { name, mark, usage, kept, spec } = container;
    const { store, emit, warn } = this.#options;
    if (what === 'memory' && container.memPeak === undefined) {
      container.memPeak = usage.memory;
      store.noteMemoryKill(mark, usage.memory);
      if (kept.within === undefined) emit({ kind: 'oom', name });
    }
    if (what === 'processes')
      warn(`${name} is killed: it has ${usage.processes} processes, and may have ${spec.pidsLimit}`);
    void this.kill(container);
  }

  /** Kills until nothing is left; its end is told after that, by its keeper or for want of one. */
  async kill(container: ProcessContainer): Promise<void> {
    container.stops = 0;
    await this.ender.end(container.mark);
    this.unattended(container);
  }

  /** Whatever was not heard is asked for. One whose keeper was killed ends here: nobody will ever know how. */
  unattended(container: ProcessContainer): void {
    const { name, mark, state, started } = container;
    const { store, warn } = this.#options;
    if (state !== 'running' || started === undefined || isKept(started)) return;
    const ended = store.endOf(mark);
    if (ended === undefined) {
      warn(`The keeper of ${name} was killed, and so is what it was the parent of`);
      container.because = keeperKilled;
    }
    this.#ended(container, ended ?? unknownExit);
  }

  async remove(container: ProcessContainer): Promise<void> {
    container.removal ??= this.#remove(container);
    await container.removal;
  }

  async #remove(container: ProcessContainer): Promise<void> {
    const { store, watching, keeper } = this.#options;
    const { name, mark } = container;
    if (container.state === 'starting') await container.begun.promise.catch(() => undefined);
    // It was not heard of in time, which does not mean that it will not begin.
    if (container.state === 'created' && container.launched) await this.ender.end(mark);
    if (container.runs) {
      await this.kill(container);
      await container.over.promise;
    }
    this.table.forget(mark);
    watching.forget(container);
    store.remove(container.kept);
    keeper.forget(mark);
    this.containers.delete(name);
    this.#byMark.delete(mark);
  }

  #running(container: ProcessContainer, started: Started): void {
    container.state = 'running';
    container.started = started;
    this.table.register(container.mark, started.pid, started.start);
    this.#options.watching.watch(container);
    container.begun.resolve();
  }

  #ended(container: ProcessContainer, exitStatus: number): void {
    const { watching, clock } = this.#options;
    container.state = 'ending';
    watching.forget(container);
    this.#settling.set(container, exitStatus);
    const wait = Math.max(0, this.#settleNext - clock.now());
    this.#cancelSettling ??= clock.after(wait, () => this.#settle());
  }

  /** One quick look for what is left of all that have ended; almost always it is nothing. */
  #settle(): void {
    const { clock } = this.#options;
    const ended = this.#settling;
    this.#settling = new Map();
    this.#cancelSettling = undefined;
    const began = clock.now();
    const members = this.table.members('quick');
    this.#settleNext = clock.now() + Math.max(settling.every, (clock.now() - began) * settling.times);
    for (const [container, exitStatus] of ended) {
      const { mark } = container;
      const finish = () => this.#finish(container, exitStatus);
      if ((members.get(mark) ?? []).length === 0) finish();
      // A shell dies of the first signal; what it has started may use its grace period.
      else if (container.stops > 0) void this.ender.gone(mark).then(finish);
      else void this.ender.end(mark).then(finish);
    }
  }

  #finish(container: ProcessContainer, exitStatus: number): void {
    // Whoever hears of the end may read the output.
    if (container.rotation !== undefined) {
      void container.rotation.then(() => this.#finish(container, exitStatus));
      return;
    }
    this.table.forget(container.mark);
    this.#exited(container, exitStatus);
    const { name, exit, kept } = container;
    if (exit !== undefined && kept.within === undefined) this.#options.emit({ kind: 'exited', name, ...exit });
  }

  #exited(container: ProcessContainer, exitCode: number): void {
    const { memPeak, because } = container;
    container.state = 'exited';
    container.exit = {
      exitCode,
      outOfMemory: memPeak !== undefined,
      ...(memPeak === undefined ? {} : { memPeak }),
      ...(because === undefined ? {} : { because }),
    };
    container.over.resolve();
  }
}
