import {
  closeSync,
  constants,
  existsSync,
  type FSWatcher,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
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

export type OutputStream = 'stdout' | 'stderr';

/** A link in place of the file must not lead elsewhere, nor a pipe make anybody wait. */
const safely =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Containers on the disk, below one directory:
 *
 *     containers/NAME.run      how the keeper runs it, and, in a comment that is its last line, what was asked for
 *     containers/NAME.stdout   and .stderr: where the spec does not say where else
 *     containers/NAME.killed   its memory peak in MB, when it was killed for that
 *     notices/                 what the supervisors say: see process-keeper.sh
 *
 * Small files on a local disk, and nobody waits for the disk itself: a call takes some microseconds, and several times that when Node's threads
 * do it. So the calls are synchronous.
 */
export class ProcessStore {
  readonly #containers: string;
  readonly #notices: string;
  #watcher: FSWatcher | undefined;

  constructor(directory: string) {
    this.#containers = join(directory, 'containers');
    this.#notices = join(directory, 'notices');
  }

  /** Makes the directories, and begins to report. What was said before is not reported: see `find`. */
  open(report: (notice: Notice) => void): void {
    for (const directory of [this.#containers, this.#notices]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#watcher = watch(this.#notices, (_change, file) => {
      const notice = file === null ? undefined : this.#read(file);
      if (notice !== undefined) report(notice);
    });
    // Whatever goes wrong with it: `noticesOf` is asked now and then.
    this.#watcher.on('error', () => undefined);
  }

  close(): void {
    this.#watcher?.close();
  }

  /** Also when what was asked for is another now. `call`: of `supervise`. */
  make(kept: KeptContainer, call: string): void {
    this.#write(kept.spec.name, 'run', `${call}\nexit\n#${JSON.stringify(kept)}\n`);
  }

  noteMemoryKill(name: string, memPeak: number): void {
    this.#write(name, 'killed', String(memPeak));
  }

  outputOf({ name, output }: ContainerSpec, stream: OutputStream): string {
    return output === undefined ? join(this.#containers, `${name}.${stream}`) : join(output.directory, stream);
  }

  /** Before its start: its output goes to files that are nothing else. */
  makeOutput(spec: ContainerSpec): void {
    for (const stream of ['stdout', 'stderr'] as const) closeSync(openSync(this.outputOf(spec, stream), safely, 0o666));
  }

  /** `exitStatus`: where it is known. */
  remove({ name, output }: ContainerSpec, exitStatus: number | undefined): void {
    const ended = exitStatus ?? this.endOf(name);
    if (ended !== undefined) removeFile(join(this.#notices, `${name}=${ended}`));
    removeFile(join(this.#notices, name));
    const own = output === undefined ? ['stdout', 'stderr'] : [];
    for (const kind of [...own, 'killed', 'run']) removeFile(join(this.#containers, `${name}.${kind}`));
  }

  find(): FoundContainer[] {
    const notices = new Map<string, Pick<FoundContainer, 'started' | 'exitStatus'>>();
    for (const file of readdirSync(this.#notices)) {
      const notice = this.#read(file);
      if (notice === undefined) continue;
      const { name, kind, ...said } = notice;
      notices.set(name, { ...notices.get(name), ...said });
    }
    return readdirSync(this.#containers).flatMap((file) => {
      const name = /^(.+)\.run$/.exec(file)?.[1];
      const kept = name === undefined ? undefined : this.#kept(name);
      return kept === undefined || name === undefined
        ? []
        : [{ ...kept, ...notices.get(name), ...this.#memPeak(name) }];
    });
  }

  /** What is said of one container, whether it was reported or not; the end last. */
  noticesOf(name: string): Notice[] {
    const exitStatus = this.endOf(name);
    const started = this.#read(name);
    return [
      ...(started === undefined ? [] : [started]),
      ...(exitStatus === undefined ? [] : [{ kind: 'ended' as const, name, exitStatus }]),
    ];
  }

  /** 0 to 255; undefined of one that has not ended. */
  endOf(name: string): number | undefined {
    const file = readdirSync(this.#notices).find((each) => each.startsWith(`${name}=`));
    return file === undefined ? undefined : Number(file.slice(name.length + 1));
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
    const supervisor = parseStat(Number.parseInt(stat, 10), stat);
    return { kind: 'started', name, started: { pid: Number(pid), supervisor } };
  }

  #kept(name: string): KeptContainer | undefined {
    const json = textOf(join(this.#containers, `${name}.run`))
      ?.trimEnd()
      .split('\n#')
      .at(-1);
    return json === undefined ? undefined : (JSON.parse(json) as KeptContainer);
  }

  #memPeak(name: string): { memPeak?: number } {
    const text = textOf(join(this.#containers, `${name}.killed`));
    return text === undefined ? {} : { memPeak: Number(text) };
  }

  /** There wholly or not at all. */
  #write(name: string, kind: string, text: string): void {
    const path = join(this.#containers, `${name}.${kind}`);
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(path, { recursive: true, force: true });
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
