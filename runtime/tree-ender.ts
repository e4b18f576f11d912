import { type Clock, sleep } from './clock.ts';
import type { ProcessTable } from './process-table.ts';

interface Wish {
  /** False: only wait for them to end by themselves. */
  force: boolean;
  readonly gone: PromiseWithResolvers<void>;
}

export interface TreeEnderOptions {
  table: ProcessTable;
  clock: Clock;
  /** As process.kill; does not throw. */
  signal(pid: number, name: NodeJS.Signals): void;
}

/** Milliseconds between two looks. */
const pauses = { afterKill: 2, patient: 50, longest: 250 };

/**
 * Sees to it that all processes of a task end. One look at the processes serves all the tasks that are ending, so that a hundred that end at once
 * cost as much as one.
 *
 * INVARIANT: a promise resolves only after a look that began when it was asked for, and found nothing alive.
 */
export class TreeEnder {
  readonly #options: TreeEnderOptions;
  readonly #wishes = new Map<string, Wish>();
  readonly #asked = new Set<string>();
  #waking = new AbortController();
  #looking = false;

  constructor(options: TreeEnderOptions) {
    this.#options = options;
  }

  /** SIGTERM to all there are. */
  ask(mark: string): void {
    this.#asked.add(mark);
    this.#look();
  }

  /** Resolves when the task's last process has ended. */
  gone(mark: string): Promise<void> {
    return this.#wish(mark, false);
  }

  /** Kills until nothing is left, also of what is forked meanwhile. */
  end(mark: string): Promise<void> {
    return this.#wish(mark, true);
  }

  #wish(mark: string, force: boolean): Promise<void> {
    const wish = this.#wishes.get(mark) ?? { force, gone: Promise.withResolvers<void>() };
    wish.force ||= force;
    this.#wishes.set(mark, wish);
    this.#look();
    return wish.gone.promise;
  }

  #look(): void {
    this.#waking.abort();
    if (this.#looking) return;
    this.#looking = true;
    void this.#keepLooking();
  }

  async #keepLooking(): Promise<void> {
    const { clock } = this.#options;
    const never = new AbortController().signal;
    let cost = 0;
    let kills = 0;
    while (this.#wishes.size + this.#asked.size > 0) {
      const forced = [...this.#wishes.values()].some(({ force }) => force);
      const pause = forced ? Math.min(pauses.longest, pauses.afterKill * kills) : pauses.patient;
      await sleep(clock, pause, this.#waking.signal);
      if (this.#waking.signal.aborted) kills = 0;
      // For all that end in this turn; and where there are very many processes, looking leaves half of the time for other things.
      await sleep(clock, cost, never);
      this.#waking = new AbortController();
      const before = clock.now();
      if (this.#act()) kills++;
      cost = clock.now() - before;
    }
    this.#looking = false;
  }

  /** Whether there was something to kill. */
  #act(): boolean {
    const { table, signal } = this.#options;
    const members = table.members();
    const pidsOf = (mark: string) => (members.get(mark) ?? []).map(({ pid }) => pid);
    for (const mark of this.#asked) for (const pid of pidsOf(mark)) signal(pid, 'SIGTERM');
    this.#asked.clear();
    let killed = false;
    for (const [mark, { force, gone }] of this.#wishes) {
      const pids = pidsOf(mark);
      if (pids.length === 0) {
        this.#wishes.delete(mark);
        gone.resolve();
      } else if (force) {
        killed = true;
        for (const pid of pids) signal(pid, 'SIGKILL');
      }
    }
    return killed;
  }
}
