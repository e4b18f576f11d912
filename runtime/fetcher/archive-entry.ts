import { invalid, quoted, unsafe } from './archive-problem.ts';

/** One entry of a tar or zip archive, as it is written there: nothing of it is trusted. */
export interface ArchiveEntry {
  path: string;
  kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  /** For `other`: what it is, with its article ("a character device"). */
  what?: string;
  /** Permission bits; absent where the archive has none. */
  mode?: number;
  mtime?: Date;
  /** Of links. */
  target?: string;
  /** The contents of a file. Read at most once, before the next entry is asked for. */
  body: AsyncIterable<Uint8Array>;
}

/**
 * The names on the way to an entry, `.` and empty ones left out; none for the archive's root itself.
 * @throws ArchiveProblem for a path that leads out of the archive.
 */
export function safeParts(path: string): string[] {
  if (path.includes('\0')) throw unsafe(`the name of entry ${quoted(path)} holds a NUL character`);
  if (path.startsWith('/')) throw unsafe(`entry ${quoted(path)} has an absolute path`);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(`entry ${quoted(path)} leads out of the archive`);
  return parts;
}

/**
 * A symbolic link may climb only as far as the root, and only at the start of its target.
 * That is stricter than resolving it, and holds whatever is unpacked before or after: the link's own directory is a
 * real one, so climbing from it is what it looks like, and every link met further down obeys the same rule.
 * @throws ArchiveProblem
 */
export function checkSymlink(path: string, depth: number, target: string): void {
  const link = `symbolic link ${quoted(path)} to ${quoted(target)}`;
  if (target === '') throw invalid(`symbolic link ${quoted(path)} has no target`);
  if (target.includes('\0')) throw unsafe(`${link} holds a NUL character`);
  if (target.startsWith('/')) throw unsafe(`${link} is absolute`);
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const climb = parts.findIndex((part) => part !== '..');
  const climbed = climb < 0 ? parts.length : climb;
  if (climbed > depth) throw unsafe(`${link} leads out of the archive`);
  if (parts.includes('..', climbed)) throw unsafe(`${link} goes down and up again, which may lead out`);
}
