import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { TaskState } from '../../protocol/messages.ts';

/** What the scheduler did and heard, in its own order; also its memory from one life to the next. */
export type Entry =
  | { kind: 'life' }
  | { kind: 'subscribed'; framework: string; master: string }
  | { kind: 'disconnected'; reason: string }
  | { kind: 'offer'; offer: string; agent: string; host: string; cpus: number; mem: number }
  | { kind: 'rescinded'; offer: string }
  | { kind: 'declined'; offer: string }
  /** Written before the call is made. */
  | { kind: 'launch'; unit: string; offer: string; agent: string; host: string }
  /** The call that launches it, or kills, failed: nobody knows whether it arrived. */
  | { kind: 'callFailed'; what: string; reason: string }
  | { kind: 'killing'; task: string }
  | {
      kind: 'update';
      task: string;
      state: TaskState;
      uuid: string | undefined;
      agent: string | undefined;
      reason: string | undefined;
      source: string | undefined;
      message: string | undefined;
      repeated: boolean;
    }
  /** The master has taken the acknowledgement. */
  | { kind: 'acknowledged'; task: string; uuid: string }
  /** Nothing is left to do. */
  | { kind: 'done' };

/** `at`: milliseconds since the machine's start, which no change of a clock moves. */
export type JournalLine = Entry & { at: number };

export function moment(): number {
  return Math.round(uptime() * 1000);
}

export class Journal {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  write(entry: Entry): void {
    appendFileSync(this.#path, `${JSON.stringify({ at: moment(), ...entry })}\n`);
  }

  /** A last line that a kill has cut off is left out. */
  read(): JournalLine[] {
    if (!existsSync(this.#path)) return [];
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    return lines.flatMap((line) => (line.endsWith('}') && isWhole(line) ? [JSON.parse(line) as JournalLine] : []));
  }
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
