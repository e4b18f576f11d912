import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { eventually, Hopeless } from '../support/eventually.ts';

/** What a client has seen or done, as its program in its own language wrote it on a line. */
export interface Told {
  event: string;
}

export interface ForeignCommand {
  file: string;
  args: readonly string[];
  /** Where the client writes what files it likes. */
  directory: string;
  environment?: NodeJS.ProcessEnv;
}

/**
 * A program in another language, built on a client library that others wrote. It takes commands as lines of JSON on stdin,
 * and writes a line of JSON that begins with `{"event":` for all that its library tells it; other lines are its log.
 */
export class ForeignProcess {
  readonly told: Told[] = [];
  readonly #child: ChildProcess;
  readonly #log: string[] = [];
  readonly #closed: Promise<unknown>;
  #over = false;

  constructor({ file, args, directory, environment }: ForeignCommand) {
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    this.#child = spawn(file, args, { cwd: directory, env: { ...inherited, ...environment } });
    this.#closed = once(this.#child, 'close').finally(() => {
      this.#over = true;
    });
    this.#closed.catch((error: unknown) => this.#log.push(String(error)));
    this.#child.stdin?.on('error', (error) => this.#log.push(`stdin: ${error.message}`));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#read(line));
    }
  }

  get log(): string {
    return this.#log.join('\n');
  }

  get over(): boolean {
    return this.#over;
  }

  #read(line: string): void {
    if (line.startsWith('{"event":')) this.told.push(JSON.parse(line) as Told);
    else this.#log.push(line);
  }

  command(command: object): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** The first that it tells of the kind and that `fits`, already told or yet to come. */
  tells<T extends Told>(event: T['event'], fits: (told: T) => boolean = () => true): Promise<T> {
    return eventually(`the client tells of ${event}`, () => {
      const found = this.all<T>(event).find(fits);
      if (found === undefined && this.#over) throw new Hopeless(`the client ended without ${event}:\n${this.log}`);
      return found;
    }).catch((error: unknown) => {
      const last = this.told.slice(-8).map((told) => JSON.stringify(told).slice(0, 300));
      throw new Error(`${error}\nIts last words:\n${last.join('\n')}\nIts log:\n${this.log.slice(-4000)}`);
    });
  }

  /** All that it has told of the kind. */
  all<T extends Told>(event: T['event']): T[] {
    return this.told.filter((told): told is T => told.event === event);
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    await this.#closed.catch(() => undefined);
  }

  async kill(): Promise<void> {
    if (!this.#over) this.#child.kill('SIGKILL');
    await this.ended();
  }
}
