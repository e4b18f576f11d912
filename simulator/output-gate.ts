import type { Change, Disk } from './disk.ts';

interface Entry {
  ready: boolean;
  readonly action: () => void;
}

/** What others hear of a change waits until the change is on the disk, and nothing overtakes it. Where nothing waits it goes out at once. */
export class OutputGate {
  readonly #disk: Disk;
  readonly #queue: Entry[] = [];
  #isFlushing = false;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  keep(changes: readonly Change[]): void {
    const entry: Entry = { ready: false, action: () => undefined };
    this.#queue.push(entry);
    this.#disk.write(changes, () => {
      entry.ready = true;
      this.#flush();
    });
  }

  out(action: () => void): void {
    if (this.#queue.length === 0) {
      action();
      return;
    }
    this.#queue.push({ ready: true, action });
    this.#flush();
  }

  /** Of a process that ends: nothing of it goes out any more. */
  close(): void {
    this.#queue.length = 0;
  }

  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#queue[0]?.ready === true) this.#queue.shift()?.action();
    this.#isFlushing = false;
  }
}
