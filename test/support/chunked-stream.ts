import type { MasterRoom } from './master-room.ts';
import { until } from './virtual-clock.ts';

/** An answer as it is on the wire: its head, and the HTTP chunks of its body that are complete, each as latin1. */
export interface ChunkedStream {
  head(): string;
  chunks(): string[];
}

/** Posts a body on a connection of its own, waits for the head of the answer and leaves it open. */
export async function postRaw(
  room: MasterRoom,
  path: string,
  body: string,
  headers: readonly string[] = ['Content-Type: application/json'],
): Promise<ChunkedStream> {
  const { socket, received } = await room.raw();
  const lines = [`POST ${path} HTTP/1.1`, 'Host: x', ...headers];
  if (!headers.some((header) => /^transfer-encoding:/i.test(header))) {
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  await until('the head of an answer', () => received().includes('\r\n\r\n'));
  const end = received().indexOf('\r\n\r\n');
  return { head: () => received().slice(0, end), chunks: () => chunksOf(received().slice(end + 4)) };
}

function chunksOf(text: string): string[] {
  const chunks: string[] = [];
  for (let position = 0; ; ) {
    const line = text.indexOf('\r\n', position);
    if (line === -1) return chunks;
    const start = line + 2;
    const end = start + Number.parseInt(text.slice(position, line), 16);
    if (text.length < end + 2) return chunks;
    chunks.push(text.slice(start, end));
    position = end + 2;
  }
}
