import { execFile } from 'node:child_process';
import { chmod, copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProgramBundle {
  /** On this machine. */
  program: string;
  /** Copied besides: path in the bundle → file or directory here. */
  files: Record<string, string>;
  /** What it loads when it runs, whose libraries it needs besides. */
  modules?: readonly string[];
  /** Of `files`, by their paths here. */
  leaveOut?: RegExp;
  /** For the program: variables whose `$HERE` is where the bundle lies. */
  environment?: Record<string, string>;
  /** After the program: `$HERE/main.mjs`. */
  args: readonly string[];
}

/**
 * A program of this machine with the libraries that it is linked with, so that it runs in a container of any image: unpacked, `./run` is
 * it. Resolves with the archive, a `.tar` or `.tar.gz` after its name.
 */
export async function makeBundle(archive: string, bundle: ProgramBundle): Promise<string> {
  const root = `${archive}.d`;
  const libraries = join(root, 'lib');
  await mkdir(libraries, { recursive: true });
  const { stdout } = await run('ldd', [bundle.program, ...(bundle.modules ?? [])], { maxBuffer: 1024 * 1024 });
  const linked = [...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
  for (const library of linked) await copyFile(library, join(libraries, basename(library)));
  const loader = linked.map((path) => basename(path)).find((name) => name.startsWith('ld-'));
  if (loader === undefined) throw new Error(`ldd names no loader of ${bundle.program}`);
  await copyFile(bundle.program, join(root, 'program'));
  for (const [path, source] of Object.entries(bundle.files))
    await cp(source, join(root, path), {
      recursive: true,
      dereference: true,
      filter: (name) => name === source || !bundle.leaveOut?.test(name),
    });
  const variables = Object.entries(bundle.environment ?? {}).map(([name, value]) => `export ${name}="${value}"`);
  const command = `exec "$HERE/lib/${loader}" --library-path "$HERE/lib" "$HERE/program" ${bundle.args.map((one) => `"${one}"`).join(' ')}`;
  await writeFile(
    join(root, 'run'),
    ['#!/bin/sh', 'HERE=$(cd "$(dirname "$0")" && pwd)', ...variables, command, ''].join('\n'),
  );
  await chmod(join(root, 'run'), 0o755);
  await pack(archive, root, ['.']);
  await rm(root, { recursive: true });
  return archive;
}

/** Puts entries of a directory into an archive, a `.tar` or `.tar.gz` after its name. */
export async function pack(archive: string, directory: string, entries: readonly string[]): Promise<void> {
  const compress = archive.endsWith('.gz') ? ['--gzip'] : [];
  await run('tar', ['-C', directory, ...compress, '-cf', archive, ...entries]);
}
