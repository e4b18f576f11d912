import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

/**
 * A file of JSON lines that grows at its end: to note something is one write, where files that come and go cost a disk many times
 * that. On a local disk, and nobody waits for the disk itself: a write takes some microseconds, so it is synchronous.
 */
export class ProcessJournal {
  readonly path: string;
  #file: number | undefined;
  #lines = 0;

  /** Replaces what is there. */
  constructor(path: string, entries: readonly object[] = []) {
    this.path = path;
    this.replace(entries);
  }

  get lines(): number {
    return this.#lines;
  }

  /** Throws what the disk says: nothing, or a part of a line, is there then. */
  append(entries: readonly object[]): void {
    if (this.#file === undefined || entries.length === 0) return;
    writeSync(this.#file, textOf(entries));
    this.#lines += entries.length;
  }

  /** There wholly or not at all. */
  replace(entries: readonly object[]): void {
    const file = openSync(`${this.path}.new`, 'w', 0o600);
    try {
      writeSync(file, textOf(entries));
      renameSync(`${this.path}.new`, this.path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    this.close();
    this.#file = file;
    this.#lines = entries.length;
  }

  /** What comes later is not noted. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** Without a line that is not whole: its writer died, or is at it. */
export function readJournal(path: string): unknown[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}

/** The same of what comes through a pipe. (Node's `readline` also ends lines where JSON does not.) */
export function onJsonLines(stream: Readable, take: (entry: unknown) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') take(JSON.parse(line));
  });
}

/** A line begins anew, whatever the disk has kept of the last one. */
function textOf(entries: readonly object[]): string {
  return entries.map((entry) => `\n${JSON.stringify(entry)}\n`).join('');
}
