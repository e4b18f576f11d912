// Serves one file at any path: `node file-server.ts FILE [BYTES_A_SECOND]`. Tells its port, and then each request, a line each.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';

const [file = '', rate] = process.argv.slice(2);
const { size } = statSync(file);

/** Lets so many bytes a second through, in pieces of a few milliseconds each. */
function paced(bytesPerSecond: number): Transform {
  const began = performance.now();
  let sent = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      sent += chunk.length;
      const early = (sent / bytesPerSecond) * 1000 - (performance.now() - began);
      if (early < 2) return done(null, chunk);
      pause(early).then(
        () => done(null, chunk),
        (error: Error) => done(error),
      );
    },
  });
}

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.writeHead(200, { 'content-length': size });
  const body = createReadStream(file, { highWaterMark: 256 * 1024 });
  const sent = rate === undefined ? pipeline(body, response) : pipeline(body, paced(Number(rate)), response);
  sent.catch(() => undefined);
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
