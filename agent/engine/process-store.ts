import { createHash, randomUUID } from 'node:crypto';
import { type FSWatcher, mkdirSync, readdirSync, rmSync, unlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { ContainerSpec } from './engine.ts';
import { isAlive } from './process-container.ts';
import { ProcessJournal, readJournal } from './process-journal.ts';
import { type Notice, readKeeperLog, type Started } from './process-keeper.ts';

/** What is kept of a container. */
export interface KeptContainer {
  /** Labels: with the scope's. */
  spec: ContainerSpec;
  /** What its processes bear in their environment, and no others. */
  mark: string;
  /** Of a command that `exec` runs: the container's name. */
  within?: string;
}

/** What is known of a container from the disk alone. */
export interface FoundContainer extends KeptContainer {
  started?: Started;
  /** 0 to 255 */
  exitStatus?: number;
  /** It was killed for its use of memory: MB at the most. */
  memPeak?: number;
}

/** A line of the journal. */
type Entry = { mark: string } & (
  | { kept: KeptContainer }
  | { memPeak: number }
  | { exitStatus: number }
  | { removed: true }
);

export type OutputStream = 'stdout' | 'stderr';

/** Lines of the journal before what is removed is taken out of it. */
const longJournal = 4_000;

/**
 * Containers on the disk, in a directory of their scope:
 *
 *     containers.log      what was asked for, what was removed, and what is known of ends besides
 *     keeper-ID.log       what that keeper says: see process-keeper-main.ts
 *     NAME.stdout         and .stderr: where the spec does not say where else
 */
export class ProcessStore {
  readonly #directory: string;
  readonly #containers = new Map<string, FoundContainer>();
  readonly #watchers: FSWatcher[] = [];
  #journal: ProcessJournal | undefined;
  /** Logs of keepers that an earlier engine object had, and whether they live. */
  #oldLogs: { path: string; alive: boolean }[] = [];

  constructor(directory: string, scope: Readonly<Record<string, string>>) {
    const name = JSON.stringify(Object.entries(scope).sort());
    this.#directory = join(directory, createHash('sha256').update(name).digest('hex').slice(0, 12));
  }

  /** Makes the directory; says what an earlier engine object has left there. */
  open(): FoundContainer[] {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, 'containers.log');
    for (const entry of readJournal(path)) this.#fold(entry as Entry);
    this.#journal = new ProcessJournal(path, this.#entries());
    const logs = readdirSync(this.#directory).filter((file) => /^keeper-.*\.log$/.test(file));
    this.#oldLogs = logs.map((file) => {
      const log = join(this.#directory, file);
      const { keeper, notices } = readKeeperLog(log);
      for (const notice of notices) this.#learn(notice);
      return { path: log, alive: isAlive(keeper) };
    });
    return [...this.#containers.values()];
  }

  /** What was found has been taken over: from here on, what the keepers of earlier engine objects say is reported. It may be said again. */
  follow(report: (notice: Notice) => void): void {
    for (const { path, alive } of this.#oldLogs) {
      if (!alive) {
        removeFile(path);
        continue;
      }
      const read = () => readKeeperLog(path).notices.forEach(report);
      // Whatever goes wrong with it: `endOf` is asked now and then.
      this.#watchers.push(watch(path, read).on('error', () => undefined));
      read();
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#shorten();
    this.#journal?.close();
  }

  newKeeperLog(): string {
    return join(this.#directory, `keeper-${randomUUID()}.log`);
  }

  /** Also when what was asked for is another now. */
  keep(kept: KeptContainer): void {
    this.#note({ mark: kept.mark, kept });
  }

  noteMemoryKill(mark: string, memPeak: number): void {
    this.#note({ mark, memPeak });
  }

  /** Where no keeper will tell it again. */
  noteEnd(mark: string, exitStatus: number): void {
    this.#note({ mark, exitStatus });
  }

  outputOf({ name, output }: ContainerSpec, stream: OutputStream): string {
    return output === undefined ? join(this.#directory, `${name}.${stream}`) : join(output.directory, stream);
  }

  remove({ mark, spec }: KeptContainer): void {
    this.#note({ mark, removed: true });
    if (spec.output !== undefined) return;
    for (const stream of ['stdout', 'stderr'] as const) removeFile(this.outputOf(spec, stream));
  }

  /** What an earlier engine object's keeper says, 0 to 255; undefined of one that has not ended. */
  endOf(mark: string): number | undefined {
    const notices = this.#oldLogs.flatMap(({ path }) => readKeeperLog(path).notices);
    return notices.flatMap((each) => (each.mark === mark && each.kind === 'ended' ? [each.exitStatus] : []))[0];
  }

  #note(entry: Entry): void {
    this.#fold(entry);
    const journal = this.#journal;
    if (journal === undefined) return;
    if (journal.lines > longJournal + 4 * this.#containers.size) journal.replace(this.#entries());
    else journal.append([entry]);
  }

  /** What was asked for of containers that are removed need not be there for others to read. */
  #shorten(): void {
    try {
      this.#journal?.replace(this.#entries());
    } catch {
      // A full disk: the long one is as good.
    }
  }

  #fold({ mark, ...said }: Entry): void {
    if ('kept' in said) this.#containers.set(mark, { ...this.#containers.get(mark), ...said.kept });
    else if ('removed' in said) this.#containers.delete(mark);
    else this.#learnMore(mark, said);
  }

  #learn(notice: Notice): void {
    if (notice.kind === 'started') this.#learnMore(notice.mark, { started: notice.started });
    if (notice.kind === 'ended') this.#learnMore(notice.mark, { exitStatus: notice.exitStatus });
  }

  #learnMore(mark: string, more: Pick<FoundContainer, 'started' | 'exitStatus' | 'memPeak'>): void {
    const container = this.#containers.get(mark);
    if (container !== undefined) this.#containers.set(mark, { ...container, ...more });
  }

  #entries(): Entry[] {
    return [...this.#containers].flatMap(([mark, { started: _, exitStatus, memPeak, ...kept }]): Entry[] => [
      { mark, kept },
      ...(memPeak === undefined ? [] : [{ mark, memPeak }]),
      ...(exitStatus === undefined ? [] : [{ mark, exitStatus }]),
    ]);
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(path, { recursive: true, force: true });
  }
}
