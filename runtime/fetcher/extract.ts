import { type ArchiveEntry, checkSymlink, safeParts } from './archive-entry.ts';
import { invalid, quoted, unsafe } from './archive-problem.ts';
import { type CompressedFile, decompressed } from './decompress.ts';
import type { ExtractionBudget } from './extraction-budget.ts';
import type { ArchiveFormat } from './fetch-plan.ts';
import type { Staging } from './staging.ts';
import { readTar } from './tar-reader.ts';
import { readZip } from './zip-reader.ts';

export interface Extraction {
  staging: Staging;
  budget: ExtractionBudget;
  signal: AbortSignal;
}

/**
 * Whether an archive may be extracted while it comes in. A zip file tells at its end what it holds; and while one xz file
 * is decoded all others wait (decompress.ts), which must not take as long as somebody's server likes.
 */
export function canFollow({ layout, compression }: ArchiveFormat): boolean {
  return layout !== 'zip' && compression !== 'xz';
}

/**
 * Extracts an archive into the staged sandbox's root.
 * @throws ArchiveProblem; what the file throws, and errors of the file system, as they come; the signal's reason. What was
 * extracted until then stays in the staging directory, to be thrown away with it.
 */
export async function extract(
  file: CompressedFile & { readonly path: string },
  format: ArchiveFormat & { name: string },
  extraction: Extraction,
): Promise<void> {
  extraction.staging.beginStep();
  switch (format.layout) {
    case 'single': {
      const target = format.name.slice(0, format.name.lastIndexOf('.'));
      if (target === '') throw invalid('there is nothing before its suffix to call the contents by');
      const body = counted(decompressed(file, format.compression), extraction);
      return extraction.staging.addFile(safeParts(target), body, {});
    }
    case 'tar':
      // Counted as it comes out of the decompressor: headers and padding can be a bomb too.
      return extractAll(readTar(counted(decompressed(file, format.compression), extraction)), extraction);
    case 'zip':
      return extractAll(readZip(file.path), extraction, (body) => counted(body, extraction));
  }
}

async function extractAll(
  entries: AsyncIterable<ArchiveEntry>,
  extraction: Extraction,
  count: (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> = (body) => body,
): Promise<void> {
  for await (const entry of entries) {
    extraction.signal.throwIfAborted();
    extraction.budget.addEntry();
    const parts = safeParts(entry.path);
    try {
      await extractEntry({ ...entry, body: count(entry.body) }, parts, extraction.staging);
    } catch (error) {
      throw nameTooLong(error) ? invalid(`the name of entry ${quoted(entry.path)} is too long`, error) : error;
    }
  }
}

async function extractEntry(entry: ArchiveEntry, parts: readonly string[], staging: Staging): Promise<void> {
  const name = quoted(entry.path);
  const attributes = {
    ...(entry.mode === undefined ? {} : { mode: entry.mode }),
    ...(entry.mtime === undefined ? {} : { mtime: entry.mtime }),
  };
  if (parts.length === 0) {
    // "./" stands for the sandbox itself, whose mode and owner are the agent's.
    if (entry.kind === 'directory') return;
    throw unsafe(`entry ${name} would be written over the sandbox itself`);
  }
  switch (entry.kind) {
    case 'file':
      return staging.addFile(parts, entry.body, attributes);
    case 'directory':
      return staging.addDirectory(parts, attributes);
    case 'symlink': {
      const target = entry.target ?? '';
      checkSymlink(entry.path, parts.length - 1, target);
      return staging.addSymlink(parts, target, attributes);
    }
    case 'hardlink': {
      const target = safeHardlinkTarget(entry);
      return staging.addHardlink(parts, target);
    }
    case 'other':
      throw unsafe(`entry ${name} is ${entry.what ?? 'a special file'}`);
  }
}

function safeHardlinkTarget(entry: ArchiveEntry): string[] {
  const target = entry.target ?? '';
  const link = `hard link ${quoted(entry.path)} to ${quoted(target)}`;
  if (target.startsWith('/') || target.split('/').includes('..')) throw unsafe(`${link} leads out of the archive`);
  const parts = safeParts(target);
  if (parts.length === 0) throw invalid(`${link} has no target`);
  return parts;
}

async function* counted(body: AsyncIterable<Uint8Array>, extraction: Extraction): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    extraction.signal.throwIfAborted();
    extraction.budget.addBytes(chunk.byteLength);
    yield chunk;
  }
}

function nameTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENAMETOOLONG';
}
