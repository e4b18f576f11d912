import { connect, type Socket } from 'node:net';
import { agentLinkPath } from '../protocol/agent-link.ts';
import type { Target } from './wire-client.ts';

// One source address has ports for 28,000 connections.
const sources = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];

/**
 * An emulated agent dials: resolves with its open link when it has read REGISTERED. `onText` gets what comes after that. Costs as little as it can: what
 * counts is the master's time. Rejects when the connection fails or the master answers otherwise.
 */
export function dialAgent(
  target: Target,
  index: number,
  body: string,
  onText?: (text: string) => void,
): Promise<Socket> {
  const socket = connect({ ...target, localAddress: sources[index % sources.length] ?? '127.0.0.1' });
  socket.write(
    `POST ${agentLinkPath} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const read = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!text.startsWith('HTTP/1.1 200'.slice(0, text.length))) fail(new Error(text));
      if (!text.includes('REGISTERED')) return;
      socket.off('data', read).off('error', fail).off('close', closed);
      socket.on('error', () => undefined);
      if (onText === undefined) socket.resume();
      else socket.on('data', (more: Buffer) => onText(more.toString('latin1')));
      resolve(socket);
    };
    const closed = () => fail(new Error('the master hung up'));
    socket.on('data', read).on('error', fail).on('close', closed);
  });
}
