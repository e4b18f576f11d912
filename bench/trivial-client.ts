// One small request after the other, in a thread of its own so that the load generator's work is not in its times.
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { Target } from './wire-client.ts';

const times: number[] = [];
const socket = connect(workerData as Target).setNoDelay(true);
let began = 0;
let stopped = false;

function ask(): void {
  began = performance.now();
  socket.write('GET /version HTTP/1.1\r\nHost: bench\r\n\r\n');
}

socket.on('data', () => {
  times.push(performance.now() - began);
  if (!stopped) setTimeout(ask, 2);
});
socket.once('connect', ask);
socket.on('error', (error) => console.error(`the trivial client lost its connection: ${error.message}`));
parentPort?.once('message', () => {
  stopped = true;
  socket.destroy();
  parentPort?.postMessage(times);
});
