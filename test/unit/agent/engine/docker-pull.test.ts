import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DockerConnection } from '../../../../agent/engine/docker-connection.ts';
import { DockerImages } from '../../../../agent/engine/docker-pull.ts';
import { MesitaError } from '../../../../protocol/errors.ts';
import { systemClock } from '../../../../runtime/clock.ts';

const never = new AbortController().signal;

interface Registry {
  images: DockerImages;
  /** Each pull that was asked for, to be answered by the test. */
  pulls: { url: string; response: ServerResponse }[];
  /** Resolves when there have been so many pulls. */
  pulled(count: number): Promise<ServerResponse>;
}

/** An engine that has no image and pulls as the test says. */
async function withRegistry(body: (registry: Registry) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-test-pull-'));
  const socketPath = join(directory, 'engine.sock');
  const pulls: Registry['pulls'] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    if (request.method === 'POST') {
      pulls.push({ url, response });
      response.writeHead(200).flushHeaders();
      server.emit('pull');
      return;
    }
    response.writeHead(404).end('{"message":"No such image"}');
  });
  server.listen(socketPath);
  await once(server, 'listening');
  const connection = new DockerConnection({ socketPath });
  const pulled = async (count: number): Promise<ServerResponse> => {
    while (pulls.length < count) await once(server, 'pull');
    const pull = pulls[count - 1];
    assert.ok(pull);
    return pull.response;
  };
  try {
    await body({ images: new DockerImages(connection.docker, socketPath, systemClock), pulls, pulled });
  } finally {
    connection.close();
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

test('many callers share one pull and all hear of its progress; the next finds the image there', async () => {
  await withRegistry(async ({ images, pulls, pulled }) => {
    const callers = [1, 2, 3].map(() => Promise.withResolvers<string>());
    const all = callers.map(({ resolve }) =>
      images.ensure('debian:12', { force: false, signal: never, progress: resolve }),
    );
    const response = await pulled(1);
    for (const { promise } of callers) assert.equal(await promise, 'Pulling debian:12');
    response.write('{"status":"Pulling fs layer","id":"a"}\n{"status":"Pull comp');
    response.end('lete","id":"a"}\n');
    await Promise.all(all);
    await images.ensure('debian:12', { force: false, signal: never });
    assert.equal(pulls.length, 1);
    assert.match(pulls[0]?.url ?? '', /fromImage=debian&tag=12/);
  });
});

test('force pulls though the image was seen', async () => {
  await withRegistry(async ({ images, pulls, pulled }) => {
    for (const count of [1, 2]) {
      const done = images.ensure('debian:12', { force: true, signal: never });
      (await pulled(count)).end('{"status":"ok"}\n');
      await done;
    }
    assert.equal(pulls.length, 2);
  });
});

test("a pull that fails gives the registry's words and a remedy, and may be tried again", async () => {
  await withRegistry(async ({ images, pulled }) => {
    const words = 'manifest for debian:nope not found: manifest unknown';
    for (const count of [1, 2]) {
      const done = images.ensure('debian:nope', { force: false, signal: never });
      done.catch(() => {});
      (await pulled(count)).end(`${JSON.stringify({ error: words, errorDetail: { message: words } })}\n`);
      await assert.rejects(done, (error: unknown) => {
        assert.ok(error instanceof MesitaError);
        assert.equal(error.code, 'MESITA_IMAGE_UNAVAILABLE');
        assert.ok(error.message.includes(words));
        assert.match(error.remedy, /tag/);
        return true;
      });
    }
  });
});

test('a caller that gives up leaves the pull to the others; with the last one it ends', async () => {
  await withRegistry(async ({ images, pulled }) => {
    const aborts = [new AbortController(), new AbortController()];
    const [first, second] = aborts.map(({ signal }) => images.ensure('debian:12', { force: false, signal }));
    assert.ok(first && second);
    second.catch(() => {});
    const response = await pulled(1);
    aborts[0]?.abort(new Error('gave up'));
    await assert.rejects(first, /gave up/);
    assert.equal(response.destroyed, false);
    const closed = once(response, 'close');
    aborts[1]?.abort(new Error('gave up too'));
    await assert.rejects(second, /gave up too/);
    await closed;
  });
});
