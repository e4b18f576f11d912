import { createReadStream, type Stats } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const longestRead = 65_536;

/**
 * `/files/browse`, `/files/read`, `/files/download`, `/files/debug`: the sandboxes under `root`, by their real path or as
 * `/frameworks/<framework>/executors/<executor>/runs/latest`. Source: Mesos' files endpoints.
 *
 * INVARIANT: nothing outside `root` is shown, through whatever links a task may have put into its sandbox.
 */
export function filesRoute(server: FastifyInstance, root: () => string): void {
  server.all('/files/browse', async (request, reply) => {
    const found = await locate(request, reply, root());
    if (typeof found !== 'string') return found;
    return reply
      .header('content-type', 'application/json')
      .serializer(String)
      .send(JSON.stringify(await browse(found, pathOf(request), await realpath(root()))));
  });
  server.all('/files/read', (request, reply) => readFile(request, reply, root()));
  server.all('/files/download', async (request, reply) => {
    const found = await locate(request, reply, root());
    if (typeof found !== 'string') return found;
    const status = await stat(found);
    if (status.isDirectory()) return text(reply, 400, 'Cannot download a directory.\n');
    if (!status.isFile()) return text(reply, 400, 'Cannot download what is not a regular file.\n');
    return reply
      .header('content-type', 'application/octet-stream')
      .header('content-length', String(status.size))
      .header('content-disposition', `attachment; filename=${basename(found).replaceAll(/[^A-Za-z0-9._-]/g, '_')}`)
      .send(firstBytes(found, status.size));
  });
  server.all('/files/debug', (_request, reply) => reply.send({ '/': root() }));
}

/** A file that grows meanwhile must not send more than was announced. */
function firstBytes(path: string, size: number): Readable {
  return size === 0 ? Readable.from([]) : createReadStream(path, { end: size - 1 });
}

async function readFile(request: FastifyRequest, reply: FastifyReply, root: string): Promise<FastifyReply> {
  const query = request.query as { offset?: string; length?: string };
  const offset = Number(query.offset ?? -1);
  const length = Number(query.length ?? longestRead);
  for (const [name, value, given] of [
    ['offset', offset, query.offset],
    ['length', length, query.length],
  ] as const) {
    if (!Number.isInteger(value))
      return text(reply, 400, `Failed to parse ${name}: Failed to convert '${given}' to number.\n`);
    if (value < -1) return text(reply, 400, `Negative ${name} provided: ${given}.\n`);
  }
  const found = await locate(request, reply, root);
  if (typeof found !== 'string') return found;
  const status = await stat(found);
  if (status.isDirectory()) return text(reply, 400, 'Cannot read a directory.\n');
  // Opening a pipe would wait for whoever writes to it.
  if (!status.isFile()) return text(reply, 400, 'Cannot read what is not a regular file.\n');
  const file = await open(found);
  try {
    if (offset === -1) return reply.send({ data: '', offset: status.size });
    const wanted = Math.min(length === -1 ? longestRead : length, longestRead, Math.max(0, status.size - offset));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
    const raw = (request.query as { encoding?: string }).encoding === 'base64';
    return reply.send({ data: buffer.subarray(0, bytesRead).toString(raw ? 'base64' : 'utf8'), offset });
  } finally {
    await file.close();
  }
}

async function browse(directory: string, shown: string, root: string): Promise<unknown[]> {
  if (!(await stat(directory)).isDirectory()) return [];
  const names = (await readdir(directory)).sort();
  const entries = await Promise.all(
    names.map(async (name) => {
      const status = await statusWithin(root, join(directory, name)).catch(() => undefined);
      if (status === undefined) return [];
      return [
        {
          gid: String(status.gid),
          mode: modeText(status.mode),
          mtime: status.mtimeMs / 1000,
          nlink: status.nlink,
          path: join(shown, name),
          size: status.size,
          uid: String(status.uid),
        },
      ];
    }),
  );
  return entries.flat();
}

/** Of what a link points to, if that is below the root; else of the link itself. */
async function statusWithin(root: string, path: string): Promise<Stats> {
  const found = await realpath(path).catch(() => undefined);
  return found?.startsWith(root + sep) === true ? stat(found) : lstat(path);
}

function modeText(mode: number): string {
  const type = (mode & 0o170000) === 0o040000 ? 'd' : (mode & 0o170000) === 0o120000 ? 'l' : '-';
  const bits = [...'rwxrwxrwx'].map((letter, index) => ((mode >> (8 - index)) & 1 ? letter : '-'));
  return type + bits.join('');
}

/** The real path behind the one that was asked for; an answer was sent when there is none. */
async function locate(request: FastifyRequest, reply: FastifyReply, root: string): Promise<string | FastifyReply> {
  const asked = pathOf(request);
  if (asked === '') return text(reply, 400, "Expecting 'path=value' in query.\n");
  const real = await realpath(root).catch(() => undefined);
  const path = asked.startsWith('/frameworks/') ? join(root, asked) : asked;
  const found = await realpath(path).catch(() => undefined);
  if (real === undefined || found === undefined || (found !== real && !found.startsWith(real + sep))) {
    const body = (request.url ?? '').startsWith('/files/download') ? '404 Not Found.' : '';
    return text(reply, 404, body);
  }
  return found;
}

function pathOf(request: FastifyRequest): string {
  const { path } = request.query as { path?: string | string[] };
  return typeof path === 'string' ? path : '';
}

function text(reply: FastifyReply, code: number, body: string): FastifyReply {
  return reply.code(code).type('text/plain; charset=utf-8').send(body);
}
