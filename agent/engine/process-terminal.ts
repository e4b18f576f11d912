import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { procFiles } from '../../runtime/proc-files.ts';
import { invalid, quote } from './process-command.ts';
import { standardPath } from './process-keeper.ts';
import type { WindowSize } from './session.ts';

/** Milliseconds. The terminal is there a moment after the program that makes it. */
const patience = { attempts: 40, pause: 25 };
/** Pseudoterminals have these device numbers. */
const firstMajor = 136;
const lastMajor = 143;

/**
 * The words for a command on a terminal of its own: script(1) of util-linux makes one, without which Node cannot. Throws
 * MESITA_CONTAINER_INVALID where this machine has none.
 */
export function onTerminal(words: readonly string[], { rows, columns }: Partial<WindowSize>): string[] {
  const script = standardPath.split(':').flatMap((folder) => join(folder, 'script'));
  const found = script.find((path) => existsSync(path));
  if (found === undefined) throw invalid('A terminal needs the program script (of util-linux) on this machine');
  const size = rows && columns ? `rows ${rows} cols ${columns}` : '';
  // Its input is no terminal, so it begins with one that does not echo.
  const line = `stty sane ${size}; exec ${words.map(quote).join(' ')}`;
  return [found, '-q', '-e', '-f', '-c', line, '/dev/null'];
}

/** Of the terminal that the script(1) with that pid has made; no error when there is none any more. */
export async function resizeTerminal(pid: number, { rows, columns }: WindowSize, over: Promise<void>): Promise<void> {
  let ended = false;
  void over.then(() => {
    ended = true;
  });
  for (let attempt = 0; attempt < patience.attempts && !ended; attempt++) {
    const terminal = terminalBelow(pid);
    if (terminal !== undefined) {
      const words = ['-F', terminal, 'rows', String(rows), 'cols', String(columns)];
      await promisify(execFile)('stty', words, { env: { PATH: standardPath } }).catch(() => undefined);
      return;
    }
    await pause(patience.pause);
  }
}

function terminalBelow(pid: number): string | undefined {
  for (const child of procFiles.pids()) {
    if (procFiles.row(child)?.parent !== pid) continue;
    const device = terminalOf(child);
    const major = (device >> 8) & 0xfff;
    const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    if (major >= firstMajor && major <= lastMajor) return `/dev/pts/${(major - firstMajor) * 256 + minor}`;
  }
  return undefined;
}

/** The number of its controlling terminal, as /proc/PID/stat has it. */
function terminalOf(pid: number): number {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[4],
    );
  } catch {
    return 0;
  }
}
