import {
  existsSync,
  type FSWatcher,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseStat } from '../../runtime/proc-files.ts';
import type { ProcessRow } from '../../runtime/process-table.ts';
import type { ContainerSpec } from './engine.ts';

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

/** The process that leads a container's session, and its parent, who waits for it. */
export interface Started {
  pid: number;
  supervisor: ProcessRow;
}

export type Notice = { name: string } & ({ kind: 'started'; started: Started } | { kind: 'ended'; exitStatus: number });

/** Milliseconds after which what was being made counts as left behind. */
const makingTakes = 60_000;

/**
 * Containers on the disk, below one directory:
 *
 *     NAME/spec.json   what was asked for
 *     NAME/run         how the keeper runs it
 *     NAME/stdout, NAME/stderr
 *     NAME/killed      its memory peak in MB, when it was killed for that
 *     .notices/        what the supervisors say: see process-keeper.sh
 *     .making/         what is not whole yet
 *
 * Small files on a local disk, without waiting for the disk itself: a call each takes some microseconds, and several times that when Node's threads
 * do it. So the calls are synchronous.
 */
export class ProcessStore {
  readonly directory: string;
  readonly #notices: string;
  readonly #making: string;
  #watcher: FSWatcher | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.#notices = join(directory, '.notices');
    this.#making = join(directory, '.making');
  }

  /** Makes the directories, and begins to report. What was said before is not reported: see `find`. */
  open(report: (notice: Notice) => void): void {
    for (const directory of [this.#notices, this.#making]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#removeHalfMade();
    this.#watcher = watch(this.#notices, (_change, file) => {
      const notice = file === null ? undefined : this.#read(file);
      if (notice !== undefined) report(notice);
    });
    // Whatever goes wrong with it: `notices` is asked now and then.
    this.#watcher.on('error', () => undefined);
  }

  close(): void {
    this.#watcher?.close();
  }

  make(kept: KeptContainer, runFile: string): void {
    const { name } = kept.spec;
    const making = join(this.#making, name);
    mkdirSync(making, { mode: 0o700 });
    try {
      writeFileSync(join(making, 'run'), runFile, { mode: 0o600 });
      writeFileSync(join(making, 'spec.json'), JSON.stringify(kept), { mode: 0o600 });
      renameSync(making, join(this.directory, name));
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      throw error;
    }
  }

  change(kept: KeptContainer): void {
    this.#replace(kept.spec.name, 'spec.json', JSON.stringify(kept));
  }

  noteMemoryKill(name: string, memPeak: number): void {
    this.#replace(name, 'killed', String(memPeak));
  }

  outputOf(name: string, stream: 'stdout' | 'stderr'): string {
    return join(this.directory, name, stream);
  }

  remove(name: string): void {
    for (const notice of this.noticesOf(name)) {
      if (notice.kind === 'ended') rmSync(join(this.#notices, `${name}=${notice.exitStatus}`), { force: true });
    }
    rmSync(join(this.#notices, name), { force: true });
    rmSync(join(this.directory, name), { recursive: true, force: true });
  }

  find(): FoundContainer[] {
    const notices = new Map<string, Pick<FoundContainer, 'started' | 'exitStatus'>>();
    for (const file of readdirSync(this.#notices)) {
      const notice = this.#read(file);
      if (notice === undefined) continue;
      const { name, kind, ...said } = notice;
      notices.set(name, { ...notices.get(name), ...said });
    }
    return readdirSync(this.directory).flatMap((name) => {
      const kept = name.startsWith('.') ? undefined : this.#kept(name);
      return kept === undefined ? [] : [{ ...kept, ...notices.get(name), ...this.#memPeak(name) }];
    });
  }

  /** What is said of one container, whether it was reported or not; the end last. */
  noticesOf(name: string): Notice[] {
    const ended = readdirSync(this.#notices).find((file) => file.startsWith(`${name}=`));
    return [name, ...(ended === undefined ? [] : [ended])].flatMap((file) => this.#read(file) ?? []);
  }

  #read(file: string): Notice | undefined {
    const [name = '', status] = file.split('=');
    if (status !== undefined) {
      // It may be gone again: that is a change, too.
      return existsSync(join(this.#notices, file)) ? { kind: 'ended', name, exitStatus: Number(status) } : undefined;
    }
    const text = textOf(join(this.#notices, file));
    // Not all of it is there yet; another change will tell.
    if (text === undefined || !text.endsWith('\n')) return undefined;
    const [, pid, stat = ''] = /^(\d+) (.*)\n$/s.exec(text) ?? [];
    return {
      kind: 'started',
      name,
      started: { pid: Number(pid), supervisor: parseStat(Number.parseInt(stat, 10), stat) },
    };
  }

  #kept(name: string): KeptContainer | undefined {
    const text = textOf(join(this.directory, name, 'spec.json'));
    return text === undefined ? undefined : (JSON.parse(text) as KeptContainer);
  }

  #memPeak(name: string): { memPeak?: number } {
    const text = textOf(join(this.directory, name, 'killed'));
    return text === undefined ? {} : { memPeak: Number(text) };
  }

  #replace(name: string, file: string, text: string): void {
    const path = join(this.directory, name, file);
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  #removeHalfMade(): void {
    for (const name of readdirSync(this.#making)) {
      const path = join(this.#making, name);
      const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      // Another engine object may be making one now.
      if (Date.now() - made > makingTakes) rmSync(path, { recursive: true, force: true });
    }
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
