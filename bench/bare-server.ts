// The least that a Node process can do for the same traffic: it parses each body, keeps nothing, and answers on the
// streams with records made by JSON.stringify. Started by bench/wire.ts as the peer of a master.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface Call {
  type: string;
  reconcile?: { tasks: { task_id: { value: string }; agent_id: { value: string } }[] };
  acknowledge?: { task_id: { value: string }; uuid: string };
}

const streams: { scheduler: ServerResponse | undefined; agent: ServerResponse | undefined } = {
  scheduler: undefined,
  agent: undefined,
};

function write(stream: ServerResponse | undefined, record: object): void {
  const text = JSON.stringify(record);
  stream?.write(`${text.length}\n${text}`);
}

function open(response: ServerResponse, first: object): ServerResponse {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Mesos-Stream-Id': 'bare' });
  write(response, first);
  return response;
}

function schedulerCall(call: Call, response: ServerResponse): void {
  if (call.type === 'SUBSCRIBE') {
    streams.scheduler = open(response, { type: 'SUBSCRIBED', subscribed: { framework_id: { value: 'bare' } } });
    return;
  }
  for (const { task_id, agent_id } of call.reconcile?.tasks ?? []) {
    const status = { task_id, state: 'TASK_RUNNING', source: 'SOURCE_MASTER', agent_id, timestamp: Date.now() / 1000 };
    write(streams.scheduler, { type: 'UPDATE', update: { status } });
  }
  if (call.acknowledge !== undefined) write(streams.agent, { type: 'ACKNOWLEDGE', ...call.acknowledge });
  response.writeHead(202, { 'Content-Length': '0' }).end();
}

function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  if (request.url === '/version') {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"version":"0"}');
  } else if (request.url === '/api/v1/scheduler') {
    schedulerCall(JSON.parse(body) as Call, response);
  } else if (request.url === '/mesita/v1/agent') {
    streams.agent = open(response, { type: 'REGISTERED', agent_id: 'bare' });
  } else {
    const messages = JSON.parse(body) as { status: object }[];
    for (const { status } of messages) write(streams.scheduler, { type: 'UPDATE', update: { status } });
    response.writeHead(202, { 'Content-Length': '0' }).end();
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => answer(request, Buffer.concat(chunks).toString(), response));
});
// The other server has its turn meanwhile.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.error(`address=127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
});
