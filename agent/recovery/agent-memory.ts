import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { linkJson } from '../../protocol/link-json.ts';
import type { AgentInfo } from '../../protocol/messages.ts';
import { type Change, Database } from '../../runtime/database.ts';
import { type Checkpointed, readCheckpoint, readOldCheckpoint } from '../checkpoint.ts';
import type { Containerizer } from '../engine-choice.ts';
import type { AgentState } from '../state.ts';
import { type RestoredRuns, restoreRuns } from './restore-runs.ts';
import { runTables } from './run-memory.ts';

/** Of what the tables look like; an agent of a later version may raise it, and this one does not start on its database then. */
const format = 1;

// Bytes: the ends of some thousand tasks can be written when the disk is full. The longer the log may be, the less is written twice.
const reserve = 4 * 2 ** 20;

const fileName = 'agent.sqlite';

/** What the agent knows of itself, by key of the table `agent`; its `checkpoint` is there, too. */
type Key = 'id' | 'boot_id' | 'port' | 'info' | 'drain' | 'containerizer';

/** All that an agent must not forget: `<work_dir>/meta/agent.sqlite`. */
export class AgentMemory {
  readonly #path: string;
  readonly #directory: string;
  readonly #database: Database;
  readonly #own: Map<string, string>;
  readonly #epochs: Map<string, number>;

  /**
   * Opens it, or makes it. `directory`: `<work_dir>/meta`, which is there. Throws MESITA_WORK_DIR_IN_USE, MESITA_DATABASE_TOO_NEW, MESITA_DISK_FULL,
   * MESITA_DATABASE_FAILED.
   */
  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, fileName);
    this.#database = new Database(this.#path, {
      tables: [...runTables, 'agent', 'masters'],
      version: format,
      reserve,
    });
    this.#own = this.#database.all('agent');
    this.#epochs = new Map([...this.#database.all('masters')].map(([cluster, epoch]) => [cluster, Number(epoch)]));
  }

  /** The id that the master gave the agent; of an agent of an earlier version from `meta/agent_id`. */
  get id(): string | undefined {
    return this.#own.get('id') ?? this.#oldId();
  }

  /** The port that it had, for executors that look for it there. */
  get port(): number | undefined {
    const text = this.#own.get('port');
    return text === undefined ? undefined : Number(text);
  }

  /** What runs the tasks that it has left; undefined where there are none, or that is not known. */
  get containerizer(): Containerizer | undefined {
    const kind = this.#database.all('made').size === 0 ? undefined : this.#own.get('containerizer');
    return kind === 'docker' || kind === 'process' ? kind : undefined;
  }

  /** What it said of itself, as of its last start. Throws MESITA_CHECKPOINT_INVALID. */
  get info(): AgentInfo | undefined {
    return this.#parsed<AgentInfo>('info');
  }

  /** Throws MESITA_CHECKPOINT_INVALID. */
  get drain(): AgentState['drain'] {
    return this.#parsed<AgentState['drain']>('drain');
  }

  /** Resources and operations; of an agent of an earlier version from `meta/resources.json`. Throws MESITA_CHECKPOINT_INVALID. */
  checkpoint(): Checkpointed {
    const text = this.#own.get('checkpoint');
    return text === undefined ? readOldCheckpoint(this.#directory) : readCheckpoint(text, this.#path);
  }

  /** Whether the machine was started anew since the agent's last start. */
  rebootedSince(bootId: string | undefined): boolean {
    const before = this.#own.get('boot_id');
    return before !== undefined && bootId !== undefined && before !== bootId;
  }

  /** Fills an empty state with the runs that were written down. */
  restore(state: AgentState): RestoredRuns {
    const [frameworks, made, now] = runTables.map((table) => this.#database.all(table));
    const none = new Map<string, string>();
    return restoreRuns(state, { frameworks: frameworks ?? none, made: made ?? none, now: now ?? none });
  }

  /** The highest epoch of that cluster's masters that this agent was registered under; 0 for none. */
  epochOf(cluster: string): number {
    return this.#epochs.get(cluster) ?? 0;
  }

  /** What is to be written for it, so that it counts from now on. */
  keepEpoch(cluster: string, epoch: number): Change[] {
    if (this.epochOf(cluster) === epoch) return [];
    this.#epochs.set(cluster, epoch);
    return [{ table: 'masters', key: cluster, value: String(epoch) }];
  }

  /** What is to be written for these, so that they count from now on; undefined removes. */
  keep(values: { [Name in Key]?: string | object | undefined }): Change[] {
    return Object.entries(values).flatMap(([key, given]): Change[] => {
      const value = given === undefined || typeof given === 'string' ? given : linkJson(given);
      if (this.#own.get(key) === value) return [];
      if (value === undefined) this.#own.delete(key);
      else this.#own.set(key, value);
      return [{ table: 'agent', key, value }];
    });
  }

  write(changes: readonly Change[]): Promise<void> {
    return this.#database.write(changes);
  }

  writeCheckpoint(content: Checkpointed): Promise<void> {
    return this.#database.write([{ table: 'agent', key: 'checkpoint', value: linkJson(content) }]);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #oldId(): string | undefined {
    try {
      return readFileSync(join(this.#directory, 'agent_id'), 'utf8').trim() || undefined;
    } catch {
      return undefined;
    }
  }

  #parsed<Value>(key: Key): Value | undefined {
    const text = this.#own.get(key);
    try {
      return text === undefined ? undefined : (JSON.parse(text) as Value);
    } catch (cause) {
      const message = `${this.#path} cannot be read: ${key}: ${describeError(cause)}`;
      throw new MesitaError('MESITA_CHECKPOINT_INVALID', { message, cause });
    }
  }
}

/** What the kernel calls its present run; undefined where it does not. */
export function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}
