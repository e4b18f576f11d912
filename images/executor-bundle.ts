import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from 'tar';

/** Packages that `executor/`, and what it imports of `runtime/` and `protocol/`, need. */
const packages = ['pidusage', 'pino', 'protobufjs', 'tar', 'undici', 'xz-decompress', 'yauzl'];

/**
 * Packs mesita-executor and its driver, with the packages that they need, as a .tar.gz that an agent's fetcher unpacks. It needs a Node beside it. Two
 * bundles of the same sources are the same, byte by byte, so that caches and digests hold.
 */
export async function writeExecutorBundle(checkout: string, file: string): Promise<void> {
  const modules = [...closureOf(checkout, packages)].sort().map((name) => join('node_modules', name));
  const filter = (path: string) => !/\.(map|md|d\.ts)$|\/(test|tests|docs|examples?|benchmarks?)$/.test(path);
  await create({ file, cwd: checkout, gzip: true, portable: true, mtime: new Date(0), filter }, [
    'package.json',
    'executor',
    'protocol',
    'runtime',
    ...modules,
  ]);
}

/** The packages and what they depend on, as far as it lies beside them. */
function closureOf(checkout: string, names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const text = readFileSync(join(checkout, 'node_modules', name, 'package.json'), 'utf8');
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    for (const dependency of Object.keys(dependencies)) visit(dependency);
  };
  for (const name of names) visit(name);
  return found;
}
