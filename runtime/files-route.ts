import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { double } from '../protocol/v0-json.ts';
import { sendDocument } from './document-reply.ts';
import { refuse } from './refusals.ts';
import { type FileEntry, type FileProblem, longestRead, type ShownFiles } from './shown-files.ts';

const mediaTypes: Record<string, string> = {
  '.css': 'text/css',
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'application/javascript',
  '.json': 'application/json',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.xml': 'text/xml',
};

/**
 * `/files/browse`, `/files/read`, `/files/download`, `/files/debug`. Source: Mesos' files endpoints.
 *
 * @param attached Every name of a file or directory that may be asked for, with its real path.
 */
export function filesRoute(server: FastifyInstance, files: ShownFiles, attached: () => Record<string, string>): void {
  const withPath =
    (answer: (request: FastifyRequest, reply: FastifyReply, path: string) => Promise<FastifyReply>) =>
    (request: FastifyRequest, reply: FastifyReply) => {
      const { path } = request.query as { path?: string | string[] };
      if (typeof path === 'string' && path !== '') return answer(request, reply, path);
      return refuse.badRequest(reply, "Expecting 'path=value' in query.\n");
    };
  server.all(
    '/files/browse',
    withPath(async (request, reply, path) => {
      const listed = await files.list(path);
      if ('problem' in listed) return refuseFile(reply, listed.problem, '');
      return sendDocument(request, reply, listed.value.map(entryDocument));
    }),
  );
  server.all(
    '/files/read',
    withPath((request, reply, path) => read(request, reply, files, path)),
  );
  server.all(
    '/files/download',
    withPath((_request, reply, path) => download(reply, files, path)),
  );
  server.all('/files/debug', (request, reply) => sendDocument(request, reply, attached()));
}

async function read(
  request: FastifyRequest,
  reply: FastifyReply,
  files: ShownFiles,
  path: string,
): Promise<FastifyReply> {
  const query = request.query as { offset?: string; length?: string; encoding?: string };
  const offset = Number(query.offset ?? -1);
  const length = Number(query.length ?? -1);
  for (const [name, value, given] of [
    ['offset', offset, query.offset],
    ['length', length, query.length],
  ] as const) {
    if (!Number.isInteger(value))
      return refuse.badRequest(reply, `Failed to parse ${name}: Failed to convert '${given}' to number.\n`);
    if (value < -1) return refuse.badRequest(reply, `Negative ${name} provided: ${given}.\n`);
  }
  const wanted = offset === -1 ? 0 : length === -1 ? longestRead : length;
  const found = await files.read(path, Math.max(0, offset), wanted);
  if ('problem' in found) return refuseFile(reply, found.problem, '');
  const { size, data, file } = found.value;
  const start = offset === -1 ? size : offset;
  if (query.encoding !== 'base64') return sendDocument(request, reply, { data: data.toString(), offset: start });
  // Beyond Mesos: who follows a file sees that it was put away and another one begun.
  return sendDocument(request, reply, { data: data.toString('base64'), offset: start, file });
}

async function download(reply: FastifyReply, files: ShownFiles, path: string): Promise<FastifyReply> {
  const located = await files.locate(path);
  if ('problem' in located) return refuseFile(reply, located.problem, '404 Not Found.');
  const { path: real } = located.value;
  const status = await stat(real);
  if (status.isDirectory()) return refuse.badRequest(reply, 'Cannot download a directory.\n');
  if (!status.isFile()) return refuse.badRequest(reply, 'Cannot download what is not a regular file.\n');
  const name = basename(real);
  return reply
    .header('content-type', mediaTypes[extname(name).toLowerCase()] ?? 'application/octet-stream')
    .header('content-length', String(status.size))
    .header('content-disposition', `attachment; filename=${name.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`)
    .send(firstBytes(real, status.size));
}

/** A file that grows meanwhile must not send more than was announced. */
function firstBytes(path: string, size: number): Readable {
  return size === 0 ? Readable.from([]) : createReadStream(path, { end: size - 1 });
}

function refuseFile(reply: FastifyReply, problem: FileProblem, missing: string): FastifyReply {
  return problem.kind === 'missing'
    ? refuse.notFound(reply, missing)
    : refuse.badRequest(reply, `${problem.message}\n`);
}

function entryDocument({ path, status, user, group }: FileEntry): Record<string, unknown> {
  return {
    gid: group,
    mode: modeText(status.mode),
    mtime: double(Math.floor(status.mtimeMs / 1000)),
    nlink: status.nlink,
    path,
    size: status.size,
    uid: user,
  };
}

function modeText(mode: number): string {
  const type = (mode & 0o170000) === 0o040000 ? 'd' : (mode & 0o170000) === 0o120000 ? 'l' : '-';
  const bits = [...'rwxrwxrwx'].map((letter, index) => ((mode >> (8 - index)) & 1 ? letter : '-'));
  return type + bits.join('');
}
