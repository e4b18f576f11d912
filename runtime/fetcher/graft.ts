import type { Stats } from 'node:fs';
import { lstat, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { FetchProblem } from './uri-source.ts';

interface Move {
  from: string;
  to: string;
}

/**
 * Moves what `from` holds into `to`, merging directories and replacing regular files.
 * Nothing is moved when anything else is in the way, a symbolic link above all.
 * @throws FetchProblem
 */
export async function graft(from: string, to: string): Promise<void> {
  const moves: Move[] = [];
  await planMoves(from, to, '', moves);
  for (const move of moves) await rename(move.from, move.to);
}

async function planMoves(from: string, to: string, below: string, moves: Move[]): Promise<void> {
  for (const entry of await readdir(join(from, below), { withFileTypes: true })) {
    const name = join(below, entry.name);
    const there = await statsOf(join(to, name));
    if (there === undefined || (there.isFile() && !entry.isDirectory())) {
      moves.push({ from: join(from, name), to: join(to, name) });
    } else if (there.isDirectory() && entry.isDirectory()) {
      await planMoves(from, to, name, moves);
    } else {
      const kind = there.isSymbolicLink() ? 'a symbolic link' : there.isDirectory() ? 'a directory' : 'something else';
      throw new FetchProblem(
        `there is ${kind} called ${JSON.stringify(name)} in the sandbox already`,
        'Give it another name with output_file, or pack the archive without that entry.',
      );
    }
  }
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
