import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { IdSource } from '../../protocol/ids.ts';
import type { Clock } from '../../runtime/clock.ts';
import { refuse } from '../../runtime/refusals.ts';

const expiryMs = 24 * 3600 * 1000;
const validId = /^[0-9a-f-]{36}$/;
// What may stand in a path and a URI as it is.
const validName = /^[A-Za-z0-9._~+=@,-]{1,200}$/;

export interface ArtifactOptions {
  directory: string;
  /** MB */
  capacity: number;
  clock: Clock;
  ids: IdSource;
}

/**
 * A store for files that a client hands over to its tasks, for which it has no web server of its own: agents reach the master
 * at any rate. `PUT /mesita/v1/artifacts/<name>` answers the URI for CommandInfo.uris, `mesita:///<id>/<name>`.
 * Artifacts are deleted by their client, else after a day.
 */
export function artifactRoute(server: FastifyInstance, options: ArtifactOptions): void {
  const { directory, clock, ids } = options;

  server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // The body goes to the disk as it comes.
    scope.addContentTypeParser('*', (_request, _payload, proceed) => proceed(null));
    scope.put('/mesita/v1/artifacts/:name', async (request, reply) => {
      const { name } = request.params as { name: string };
      if (!validName.test(name) || name.startsWith('.'))
        return refuse.badRequest(reply, `'${name}' cannot be an artifact's name`);
      await expire(directory, clock.now());
      const size = Number(request.headers['content-length'] ?? 0);
      const room = await roomLeft(directory, options.capacity);
      if (size > room) {
        const text = `The master's artifact store has room for ${Math.floor(room / 1e6)} MB, the file has ${Math.ceil(size / 1e6)} MB`;
        return refuseFull(reply, text);
      }
      const id = ids.uuid();
      try {
        await store(join(directory, id), name, request.raw, room);
      } catch (error) {
        if (!isFull(error)) throw error;
        return refuseFull(reply, `The master's artifact store had room for no more than ${Math.floor(room / 1e6)} MB`);
      }
      return reply.code(201).send({ uri: `mesita:///${id}/${name}` });
    });
    done();
  });

  server.get('/mesita/v1/artifacts/:id/:name', async (request, reply) => {
    const path = pathOf(directory, request.params);
    const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
    if (path === undefined || found === undefined) return refuse.notFound(reply);
    return reply
      .type('application/octet-stream')
      .header('content-length', String(found.size))
      .send(createReadStream(path));
  });

  server.delete('/mesita/v1/artifacts/:id/:name', async (request, reply) => {
    const path = pathOf(directory, request.params);
    if (path === undefined) return refuse.notFound(reply);
    await rm(join(path, '..'), { recursive: true, force: true });
    return reply.code(200).header('content-length', '0').send();
  });
}

function pathOf(directory: string, params: unknown): string | undefined {
  const { id, name } = params as { id: string; name: string };
  return validId.test(id) && validName.test(name) && !name.startsWith('.') ? join(directory, id, name) : undefined;
}

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function refuseFull(reply: FastifyReply, text: string): FastifyReply {
  const remedy = 'Free some space on the disk of its work directory, or give it a larger --artifact_capacity.';
  return reply.code(507).type('text/plain; charset=utf-8').send(`${text}. ${remedy}`);
}

/** Writes a file in a directory of its own; nothing remains when it fails or grows beyond `room` bytes. */
async function store(directory: string, name: string, body: Readable, room: number): Promise<void> {
  let bytes = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > room) throw Object.assign(new Error('The artifact store is full'), { code: 'ENOSPC' });
      yield chunk;
    }
  };
  try {
    await mkdir(directory, { recursive: true });
    await pipeline(body, counted, createWriteStream(join(directory, name)));
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Bytes that may still be stored: by the capacity, and by the disk with a tenth kept free. */
async function roomLeft(directory: string, capacity: number): Promise<number> {
  await mkdir(directory, { recursive: true });
  let used = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) used += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  const disk = await statfs(directory);
  const free = (disk.bavail - disk.blocks / 10) * disk.bsize;
  return Math.max(0, Math.min(capacity * 1024 * 1024 - used, free));
}

async function expire(directory: string, now: number): Promise<void> {
  for (const entry of await readdir(directory).catch(() => [])) {
    if (!validId.test(entry)) continue;
    const path = join(directory, entry);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && now - found.mtimeMs > expiryMs) await rm(path, { recursive: true, force: true });
  }
}
