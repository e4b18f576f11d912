import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TaskRoom } from '../support/task-room.ts';
import { until } from '../support/virtual-clock.ts';

/** Serves one file, and nothing at `/slow`, where it never ends. */
async function serve(t: TestContext): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/file') response.end('content');
    else if (request.url === '/slow') response.write('x');
    else response.writeHead(404).end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('what a task names is in its directory when its command runs', async (t) => {
  const room = await TaskRoom.open(t);
  const { url } = await serve(t);
  const uris = [{ value: `${url}/file`, output_file: 'own/name', executable: false }];
  const status = await room.outcome('t', { value: 'cat own/name', uris });
  assert.equal(status.state, 'TASK_FINISHED', status.message);
  assert.equal(room.output('t'), 'content');
});

test('a task whose URIs cannot be had fails, and says why', async (t) => {
  const room = await TaskRoom.open(t);
  const { url } = await serve(t);
  const status = await room.outcome('t', { value: 'true', uris: [{ value: `${url}/missing` }] });
  assert.deepEqual([status.state, status.reason], ['TASK_FAILED', 'REASON_CONTAINER_LAUNCH_FAILED']);
  assert.match(status.message ?? '', /404/);
});

test('a task that is killed while its URIs come in is killed at once', async (t) => {
  const room = await TaskRoom.open(t);
  const { url, asked } = await serve(t);
  room.run('t', { value: 'true', uris: [{ value: `${url}/slow` }] });
  await until('it is being fetched', () => asked.length > 0);
  room.kill('t', 1000);
  const { state, message } = await room.last('t');
  assert.deepEqual([state, message], ['TASK_KILLED', 'The command was never run']);
});
