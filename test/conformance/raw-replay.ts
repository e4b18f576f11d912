import { connect } from 'node:net';
import { RecordDecoder } from '../../protocol/record-io.ts';
import { Comparison, compareHeads } from './comparison.ts';
import { readDocument, readRecord, textAt, type Value } from './document.ts';
import { HttpAnswer, hostOf, portOf } from './http-answer.ts';
import { Identities } from './identities.ts';
import { bytesOf, headerOf, type RawExchange } from './recording.ts';
import type { Outcome } from './replay.ts';
import type { Subject } from './subject.ts';

/** Milliseconds between two writes on a connection, and for an answer to come: as many whatever the speed. */
const betweenWrites = 200;
const patience = 1_500;

interface Connection {
  bytes: Buffer;
  closed: boolean;
}

/** Writes the recorded bytes on a connection of their own, and compares what comes back, answer by answer. */
export async function replayRaw(exchange: RawExchange & { file: string }, subject: Subject): Promise<Outcome> {
  const { file, name } = exchange;
  const { addresses } = subject;
  const address = name.startsWith('agent ') ? addresses.agent : addresses.master;
  if (address === undefined) return { file, name, differences: [], unsent: 'there is no agent to send it to' };
  const comparison = new Comparison(new Identities(new Set()), addresses);
  const sent = exchange.sent.map(bytesOf);
  const methods = Buffer.concat(sent).toString('latin1');
  const recorded = answersIn(Buffer.concat(exchange.received.map(bytesOf)), methods);
  const isDone = ({ bytes, closed }: Connection) =>
    closed || (exchange.peer_closed_at_ms === null && isEnough(answersIn(bytes, methods), recorded));
  const live = await talk(subject, address, sent, name === 'half close', isDone);
  if (live.closed !== (exchange.peer_closed_at_ms !== null))
    comparison.note('connection', live.closed ? 'is closed' : 'is not closed');
  const answers = answersIn(live.bytes, methods);
  if (answers.length !== recorded.length) comparison.note('answers', `${answers.length} instead of ${recorded.length}`);
  for (const [index, old] of recorded.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    compareHeads(old, answer, comparison);
    if (headerOf(old.headers, 'transfer-encoding') === 'chunked') compareRecords(old, answer, comparison);
    else
      comparison.documents(
        readDocument(old.body, old.headers, 'MasterResponse'),
        readDocument(answer.body, answer.headers, 'MasterResponse'),
      );
  }
  return { file, name, differences: comparison.differences };
}

function talk(
  { clock, speed }: Subject,
  address: string,
  sent: readonly Buffer[],
  halfClose: boolean,
  isDone: (connection: Connection) => boolean,
): Promise<Connection> {
  const connection: Connection = { bytes: Buffer.alloc(0), closed: false };
  const socket = connect({ host: hostOf(address), port: portOf(address), allowHalfOpen: true });
  return new Promise((resolve) => {
    let written = 0;
    const cancels: (() => void)[] = [];
    const after = (milliseconds: number, callback: () => void) =>
      void cancels.push(clock.after(milliseconds * speed, callback));
    const finish = () => {
      for (const cancel of cancels) cancel();
      socket.destroy();
      resolve(connection);
    };
    const look = () => void (written === sent.length && isDone(connection) && finish());
    for (const [index, bytes] of sent.entries()) {
      const write = () => {
        written++;
        if (halfClose && written === sent.length) socket.end(bytes);
        else socket.write(bytes);
      };
      after(index * betweenWrites, write);
    }
    after((sent.length - 1) * betweenWrites + patience, finish);
    socket.on('data', (bytes) => {
      connection.bytes = Buffer.concat([connection.bytes, bytes]);
      // What closes the connection may follow.
      after(50, look);
    });
    for (const event of ['end', 'close', 'error'] as const) {
      socket.on(event, () => {
        connection.closed = true;
        look();
      });
    }
  });
}

/** Takes a connection's bytes apart into answers; a last one that is not complete is among them. */
function answersIn(bytes: Buffer, sent: string): HttpAnswer[] {
  const answers: HttpAnswer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const answer = new HttpAnswer(/^HEAD /m.test(sent));
    rest = answer.push(rest);
    answers.push(answer);
  }
  return answers;
}

function isEnough(live: readonly HttpAnswer[], recorded: readonly HttpAnswer[]): boolean {
  return recorded.every((old, index) => {
    const answer = live[index];
    if (answer === undefined || !answer.hasHead) return false;
    return old.ending === undefined ? eventsOf(answer).length >= 2 : answer.ending !== undefined;
  });
}

/** The first events of a subscription, before time makes a difference. */
function compareRecords(recorded: HttpAnswer, live: HttpAnswer, comparison: Comparison): void {
  const events = eventsOf(live);
  for (const [index, event] of eventsOf(recorded).slice(0, 2).entries()) {
    const other = events[index];
    if (other === undefined) comparison.note(`event ${textAt(event, 'type')}`, 'does not come');
    else comparison.values(event, other, `event ${textAt(event, 'type')}`);
  }
  for (const [index, chunk] of live.chunks.entries()) {
    const decoder = new RecordDecoder({ maximumLength: 1e9 });
    if (decoder.push(chunk).records.length !== 1 || !decoder.atBoundary)
      comparison.note('framing', `chunk ${index} is not one record`);
  }
}

function eventsOf(answer: HttpAnswer): Value[] {
  const decoder = new RecordDecoder({ maximumLength: 1e9 });
  const media = headerOf(answer.headers, 'content-type') ?? '';
  return decoder.push(answer.body).records.map((bytes) => readRecord(bytes, media, 'SchedulerEvent'));
}
