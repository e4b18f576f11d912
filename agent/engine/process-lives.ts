import type { Clock } from '../../runtime/clock.ts';
import { procFiles, procFilesMarkedBy } from '../../runtime/proc-files.ts';
import { ProcessTable } from '../../runtime/process-table.ts';
import { TreeEnder } from '../../runtime/tree-ender.ts';
import type { ContainerName, EngineEvent } from './engine.ts';
import { markVariable } from './process-command.ts';
import { isSupervised, ProcessContainer } from './process-container.ts';
import { hostError, sendSignal } from './process-host.ts';
import type { ProcessKeeper } from './process-keeper.ts';
import type { FoundContainer, Notice, ProcessStore, Started } from './process-store.ts';

export interface LivesOptions {
  store: ProcessStore;
  keeper: Pick<ProcessKeeper, 'launch' | 'collect'>;
  clock: Clock;
  /** Containers that run, to be looked at. */
  watching: { watch(container: ProcessContainer): void; forget(container: ProcessContainer): void };
  emit(event: EngineEvent): void;
  warn(message: string): void;
}

/** Milliseconds that the keeper has to start a process. */
const startPatience = 30_000;
/** Milliseconds after which what a keeper had begun when it was killed is known. */
const deathSettles = 1_000;
/** Milliseconds between two looks for what is left of containers that have ended, and how many times as long as a look takes they are apart. */
const settling = { every: 40, times: 9 };
/** As after SIGKILL. */
const unknownExit = 137;

/**
 * How containers of the process engine come to life and to an end (see ProcessContainer), from what their supervisors say and from
 * what is found in /proc.
 *
 * INVARIANT: `exited` is reported when no process of the container is left.
 */
export class ProcessLives {
  readonly containers = new Map<ContainerName, ProcessContainer>();
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

  /** One that an earlier engine object has left: it runs on, or what is left of it ends now, which is not reported. */
  async takeOver({ spec, mark, within, started, exitStatus, memPeak }: FoundContainer): Promise<void> {
    const container = new ProcessContainer({ spec, mark, ...(within === undefined ? {} : { within }) });
    container.memPeak = memPeak;
    container.started = started;
    this.containers.set(spec.name, container);
    if (exitStatus === undefined && started !== undefined && isSupervised(started)) {
      this.#running(container, started);
    } else {
      // One that was being started when the agent died may have begun, and not have said so.
      this.table.register(mark, undefined);
      await this.ender.end(mark);
      this.table.forget(mark);
      // It may have ended since it was looked for.
      const ended = exitStatus ?? this.#options.store.endOf(spec.name);
      if (ended !== undefined || started !== undefined) this.#exited(container, ended ?? unknownExit);
    }
    // Nobody waits for the answer of a command any more.
    if (within !== undefined) await this.remove(container);
  }

  /** Resolves when it runs, or has run. Throws MESITA_ENGINE_FAILED. */
  async begin(container: ProcessContainer): Promise<void> {
    const { keeper, clock } = this.#options;
    const { name, mark } = container;
    container.state = 'starting';
    container.launched = true;
    this.table.register(mark, undefined);
    keeper.launch(name);
    const cancel = clock.after(startPatience, () => this.#giveUpStart(container, 'nothing was heard of it'));
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
    this.#running(container, started);
  }

  /** Whatever it has begun by then, has said so. */
  keeperDied(): void {
    const starting = [...this.containers.values()].filter(({ state }) => state === 'starting');
    this.#options.clock.after(deathSettles, () => {
      for (const container of starting) this.#giveUpStart(container, 'the shell that starts processes was killed');
    });
  }

  hear(notice: Notice): void {
    const container = this.containers.get(notice.name);
    if (container === undefined) return;
    if (notice.kind === 'started' && container.state === 'starting') this.#running(container, notice.started);
    if (notice.kind === 'ended' && container.state === 'starting') {
      // Both came at once, and this one first.
      const [started] = this.#options.store.noticesOf(notice.name);
      if (started?.kind === 'started') this.#running(container, started.started);
      else container.state = 'running';
    }
    if (notice.kind === 'ended' && container.state === 'running') this.#ended(container, notice.exitStatus);
  }

  exceeded(container: ProcessContainer, what: 'memory' | 'processes'): void {
    const { name, usage, kept, spec } = container;
    const { store, emit, warn } = this.#options;
    if (what === 'memory' && container.memPeak === undefined) {
      container.memPeak = usage.memory;
      store.noteMemoryKill(name, usage.memory);
      if (kept.within === undefined) emit({ kind: 'oom', name });
    }
    if (what === 'processes')
      warn(`${name} is killed: it has ${usage.processes} processes, and may have ${spec.pidsLimit}`);
    void this.kill(container);
  }

  /** Kills until nothing is left; its end is told after that, by its supervisor or for want of one. */
  async kill(container: ProcessContainer): Promise<void> {
    container.stops = 0;
    await this.ender.end(container.mark);
    this.unattended(container);
  }

  /** Whatever was not heard is asked for. One whose supervisor was killed ends here: nobody will ever know how. */
  unattended(container: ProcessContainer): void {
    const { name, state, started } = container;
    const { store, warn } = this.#options;
    if (state !== 'running' || started === undefined) return;
    const supervised = isSupervised(started);
    const ended = store.endOf(name);
    if (ended === undefined && supervised) return;
    if (ended === undefined) warn(`The supervisor of ${name} was killed, and so is what it watched over`);
    this.#ended(container, ended ?? unknownExit);
  }

  async remove(container: ProcessContainer): Promise<void> {
    container.removal ??= this.#remove(container);
    await container.removal;
  }

  async #remove(container: ProcessContainer): Promise<void> {
    const { store, watching } = this.#options;
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
    store.remove(container.spec, container.exit?.exitCode);
    this.containers.delete(name);
  }

  #giveUpStart(container: ProcessContainer, reason: string): void {
    if (container.state !== 'starting') return;
    for (const notice of this.#options.store.noticesOf(container.name)) this.hear(notice);
    container.begun.reject(new Error(reason));
  }

  #running(container: ProcessContainer, started: Started): void {
    container.state = 'running';
    container.started = started;
    const main = procFiles.row(started.pid);
    // Its supervisor does not let it go before it has said so; and whose parent that is, is it.
    const alive = main?.parent === started.supervisor.pid;
    this.table.register(container.mark, alive ? main.pid : undefined, main?.start);
    this.#options.watching.watch(container);
    container.begun.resolve();
  }

  #ended(container: ProcessContainer, exitStatus: number): void {
    const { keeper, watching, clock } = this.#options;
    container.state = 'ending';
    container.begun.resolve();
    watching.forget(container);
    keeper.collect();
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
    const { memPeak } = container;
    container.state = 'exited';
    container.exit = { exitCode, outOfMemory: memPeak !== undefined, ...(memPeak === undefined ? {} : { memPeak }) };
    container.begun.resolve();
    container.over.resolve();
  }
}
