import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FetchProblem, type OpenedUri, type UriSource } from './uri-source.ts';

/** Files of the agent's host: `/abs`, `file:///abs`, `file://localhost/abs`. */
export function createFileSource(): UriSource {
  return {
    async open(location): Promise<OpenedUri> {
      const { file, size, mode } = await openRegular(localPath(location));
      return { body: file.createReadStream({ highWaterMark: 256 * 1024 }), size, mode };
    },
  };
}

function localPath(location: string): string {
  const path = location.replace(/^file:(\/\/(localhost)?(?=\/))?/i, '');
  if (path.startsWith('/') && !path.startsWith('//')) return path;
  throw new FetchProblem(
    'it is not the absolute path of a file on the agent’s host',
    'Write it as file:///absolute/path; for a file on another host, use http or https.',
  );
}

async function openRegular(path: string): Promise<{ file: FileHandle; size: number; mode: number }> {
  // O_NONBLOCK: opening a fifo that nobody writes to would wait for ever.
  const file = await openAsWritten(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) {
      throw new FetchProblem(
        `${stats.isDirectory() ? 'it is a directory' : 'it is not a regular file'}`,
        'Pack the directory as a .tar.gz and name that, or mount it as a volume.',
      );
    }
    return { file, size: stats.size, mode: stats.mode & 0o777 };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Mesos takes file URIs literally; a path that is percent-encoded, as other tools write it, is found too. */
async function openAsWritten(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    const decoded = percentDecoded(path);
    if (codeOf(error) === 'ENOENT' && decoded !== path) return openAsWritten(decoded, flags);
    throw explain(error);
  }
}

function percentDecoded(path: string): string {
  try {
    const decoded = decodeURIComponent(path);
    return decoded.includes('%') || decoded.includes('\0') ? path : decoded;
  } catch {
    return path;
  }
}

function explain(error: unknown): unknown {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new FetchProblem(
        'there is no such file on the agent’s host',
        'Put the file on every agent’s host, or serve it by http.',
        error,
      );
    case 'EACCES':
    case 'EPERM':
      return new FetchProblem('the agent may not read it', 'Give the agent’s user read access to the file.', error);
    default:
      return error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
