import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What goes into the role images beside Node and node_modules: files and directories of the checkout. */
export const sourcePaths = [
  'agent',
  'cli',
  'executor',
  'frameworks',
  'images',
  'master',
  'protocol',
  'runtime',
  'scheduler',
  'web',
  '.node-version',
  'docker-compose.yml',
  'package.json',
] as const;

/** The files under the paths, relative to the checkout and sorted; paths that are not there are left out. */
export function listSources(checkout: string, paths: readonly string[]): string[] {
  return paths.flatMap((path) => listFiles(checkout, path)).sort();
}

function listFiles(checkout: string, path: string): string[] {
  try {
    const entries = readdirSync(join(checkout, path), { withFileTypes: true });
    return entries.flatMap((entry) =>
      entry.isDirectory() ? listFiles(checkout, join(path, entry.name)) : [join(path, entry.name)],
    );
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTDIR') return [path];
    if (code === 'ENOENT') return [];
    throw error;
  }
}

/** Sixteen hex digits of a hash over the files' names and contents, and whatever else makes a difference. */
export function hashSources(checkout: string, files: readonly string[], others: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(others));
  for (const file of files) {
    const content = readFileSync(join(checkout, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}
