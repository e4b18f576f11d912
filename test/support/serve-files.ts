import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';

/** Serves files on 127.0.0.1 by their names, and counts how often each was asked for. */
export async function serveFiles(files: readonly string[]) {
  const asked = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const name = request.url?.slice(1) ?? '';
    const file = files.find((one) => basename(one) === name);
    asked.set(name, (asked.get(name) ?? 0) + 1);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': (await stat(file)).size });
    createReadStream(file).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (file: string) => `http://127.0.0.1:${port}/${basename(file)}`,
    asked,
    close: () => new Promise<void>((closed) => server.close(() => closed())),
  };
}
