/** Lets a bounded number of jobs run at a time, the others wait in order. */
export class Gate {
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(places: number) {
    this.#places = places;
  }

  get busy(): boolean {
    return this.#taken > 0;
  }

  async pass<T>(job: () => Promise<T>): Promise<T> {
    const leave = await this.enter();
    try {
      return await job();
    } finally {
      leave();
    }
  }

  /** Resolves when there is a place, with the function that gives it up; calling that again does nothing. */
  async enter(): Promise<() => void> {
    if (this.#taken >= this.#places) await new Promise<void>((enter) => this.#waiting.push(enter));
    else this.#taken++;
    let inside = true;
    return () => {
      if (inside) this.#leave();
      inside = false;
    };
  }

  /** The place goes to the next one in line, or becomes free. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
