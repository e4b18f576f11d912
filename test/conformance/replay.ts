import { Comparison, compareHeads, type Difference, recordedAddresses } from './comparison.ts';
import { readDocument } from './document.ts';
import { type Conversation, converse } from './http-answer.ts';
import { Identities, tokensOf } from './identities.ts';
import { explain } from './known-differences.ts';
import { eventKey } from './live-stream.ts';
import { Pacing } from './pacing.ts';
import { requestBytes, sentText } from './recorded-request.ts';
import { bytesOf, type Exchange, type Line } from './recording.ts';
import type { Deed, Session } from './sessions.ts';
import { StreamWatch } from './stream-watch.ts';
import type { Subject } from './subject.ts';
import {
  type Item,
  inOrder,
  isRead,
  isWaiting,
  messageOf,
  type RecordedExchange,
  type Stream,
  timeline,
} from './timeline.ts';

/** What came of one recorded exchange. */
export interface Outcome {
  file: string;
  name: string;
  differences: Difference[];
  /** Why it was not sent. Where an update is missing that it would have followed, that is its difference. */
  unsent?: string;
  /** Of a stream: how many recorded events came. */
  events?: { recorded: number; matched: number };
}

/** Milliseconds after which what only reads is asked again. */
const askedAgain = [200, 500, 1_000];
/** Replays a session against a master, request by request in the recorded order, and compares. */
export class Replay {
  readonly outcomes: Outcome[] = [];
  readonly #subject: Subject;
  /** Those that are still to be done. */
  readonly #deeds: Map<string, Deed>;
  readonly #items: readonly Item[];
  readonly #streams = new Map<RecordedExchange, Stream>();
  readonly #ids: Identities;
  /** The item that brought a recorded id into the world. */
  readonly #origin = new Map<string, Item>();
  /** The event that told a scheduler of an id. */
  readonly #told = new Map<string, Item>();
  /** Calls whose answers are still to come. */
  readonly #waiting = new Map<RecordedExchange, Promise<void>>();
  readonly #pacing: Pacing;
  readonly #watch: StreamWatch;

  constructor(lines: readonly Line[], subject: Subject, session: Session) {
    this.#deeds = new Map(Object.entries(session.deeds ?? {}));
    this.#subject = subject;
    const own = new Set<string>();
    this.#ids = new Identities(own);
    this.#items = timeline(lines, () => this.#comparison());
    for (const item of this.#items) if (item.kind === 'end') this.#streams.set(item.stream.exchange, item.stream);
    // Of what is of the same millisecond, a request may name an id that a record brought, or a record answer a request.
    for (const item of inOrder(this.#items, ['record', 'end', 'answer', 'request'])) this.#register(item, own);
    this.#items = inOrder(this.#items, ['answer', 'request', 'record', 'end']);
    this.#pacing = new Pacing(subject, this.#items[0]?.at ?? 0);
    this.#watch = new StreamWatch([...this.#streams.values()], this.#ids, this.#pacing, subject.addresses.master);
  }

  async run(): Promise<Outcome[]> {
    try {
      for (const item of this.#items) await this.#perform(item);
    } finally {
      for (const { live } of this.#streams.values()) live?.conversation.close();
    }
    return this.outcomes;
  }

  /** Notes where each id comes from: what a request names before any answer has is the client's own. */
  #register(item: Item, own: Set<string>): void {
    const introduce = (text: string) => {
      for (const token of tokensOf(text))
        if (!own.has(token) && !this.#origin.has(token)) this.#origin.set(token, item);
    };
    if (item.kind === 'record') {
      const text = JSON.stringify(item.stream.records[item.index]?.value);
      introduce(text);
      if (item.stream.exchange.request.path.endsWith('/scheduler'))
        for (const token of tokensOf(text)) if (!this.#told.has(token)) this.#told.set(token, item);
    }
    if (item.kind !== 'request') return;
    const { response } = item.exchange;
    for (const token of tokensOf(sentText(item.exchange))) if (!this.#origin.has(token)) own.add(token);
    introduce(`${JSON.stringify(response.headers)} ${bytesOf(response.body).toString('latin1')}`);
  }

  async #perform(item: Item): Promise<void> {
    switch (item.kind) {
      case 'record':
        await this.#watch.awaitRecord(item);
        break;
      case 'end':
        await this.#pacing.pauseUntil(item.at);
        await this.#watch.end(item.stream);
        await this.#act(`end of ${item.stream.exchange.name}`);
        break;
      case 'answer':
        await this.#waiting.get(item.exchange);
        break;
      case 'request':
        await this.#pacing.pauseUntil(item.at);
        await this.#send(item.exchange);
        await this.#act(item.exchange.name);
        break;
    }
    this.#pacing.pass(item.at);
  }

  async #act(exchange: string): Promise<void> {
    const deed = this.#deeds.get(exchange);
    this.#deeds.delete(exchange);
    if (deed !== undefined) await this.#subject.act?.(deed);
  }

  async #send(exchange: RecordedExchange): Promise<void> {
    const stream = this.#streams.get(exchange);
    const { file, name } = exchange;
    const outcome: Outcome = { file, name, differences: stream?.comparison.differences ?? [] };
    if (stream !== undefined) stream.outcome = outcome;
    this.outcomes.push(outcome);
    const address = this.#addressOf(exchange);
    if (address === undefined) {
      outcome.unsent = 'there is no agent to send it to';
      return;
    }
    const unknown = await this.#unknownIds(exchange);
    if (unknown !== undefined) {
      outcome.unsent = `it names what did not come: ${unknown}`;
      if (/^(UPDATE|TASK_UPDATED) /.test(unknown))
        outcome.differences.push({ path: `event ${unknown}`, problem: 'does not come' });
      return;
    }
    const bytes = requestBytes(exchange, this.#ids, (text) => this.#withOffers(text));
    const ask = () => converse(address, bytes, exchange.request.method === 'HEAD');
    if (isWaiting(exchange)) {
      const answered = this.#answer(exchange, ask()).then((found) => void outcome.differences.push(...found));
      this.#waiting.set(exchange, answered);
    } else if (stream === undefined) outcome.differences.push(...(await this.#answers(exchange, ask)));
    else await this.#watch.open(stream, await this.#subscribed(exchange, ask), outcome);
  }

  /** An executor's call may come before the agent has made its container. */
  async #subscribed(exchange: RecordedExchange, ask: () => Conversation): Promise<Conversation> {
    let conversation = ask();
    for (const later of exchange.request.path.endsWith('/executor') ? askedAgain : []) {
      await this.#pacing.settle(conversation.answer, () => conversation.answer.hasHead);
      if (conversation.answer.status === exchange.response.status) break;
      conversation.close();
      await this.#pacing.pause(later);
      conversation = ask();
    }
    return conversation;
  }

  /** What only reads is asked again where it differs: what led to its answer may not be over. */
  async #answers(exchange: RecordedExchange, ask: () => Conversation): Promise<Difference[]> {
    const { file, name } = exchange;
    let differences = await this.#answer(exchange, ask());
    for (const later of isRead(exchange) ? askedAgain : []) {
      if (differences.every((difference) => explain(file, name, difference) !== undefined)) break;
      await this.#pacing.pause(later);
      differences = await this.#answer(exchange, ask());
    }
    return differences;
  }

  /** Waits for the ids that a call names, where they have not come yet; says which of them never came. */
  async #unknownIds(exchange: RecordedExchange): Promise<string | undefined> {
    for (const token of tokensOf(sentText(exchange))) {
      // An id that an executor made is known to its scheduler only when it was told.
      const told = exchange.request.path.endsWith('/scheduler') ? this.#told.get(token) : undefined;
      if (told !== undefined && told.at <= exchange.t0) await this.#watch.awaitRecord(told);
      if (this.#ids.knows(token)) continue;
      const origin = this.#origin.get(token);
      if (origin?.kind === 'record') {
        await this.#watch.awaitRecord(origin);
        const value = origin.stream.records[origin.index]?.value ?? null;
        if (!this.#ids.knows(token)) return eventKey(value);
      } else if (origin?.kind === 'request' && !this.#ids.knows(token)) {
        return `the answer to ${origin.exchange.name}`;
      }
    }
    return undefined;
  }

  async #answer(exchange: RecordedExchange, conversation: Conversation): Promise<Difference[]> {
    const { answer } = conversation;
    const comparison = this.#comparison(/metrics/i.test(exchange.request.path + exchange.name));
    await this.#pacing.settle(answer, () => answer.hasHead);
    // What was no stream in the recording, and is one here, need not end.
    if (answer.status === exchange.response.status)
      await this.#pacing.settle(answer, () => answer.ending !== undefined);
    else if (answer.ending === undefined) await this.#pacing.pause(this.#pacing.patience(true));
    if (exchange.response.status !== null && answer.hasHead && answer.status !== 0) {
      compareHeads(exchange.response, answer, comparison);
      if (answer.ending === undefined) comparison.note('body', 'does not end');
      const type = messageOf(exchange, false);
      const recorded = readDocument(bytesOf(exchange.response.body), exchange.response.headers ?? [], type);
      comparison.documents(recorded, readDocument(answer.body, answer.headers, type));
    } else if (exchange.response.status !== (answer.status === 0 ? null : answer.status)) {
      comparison.note(
        'status',
        `${answer.status === 0 ? 'no answer' : answer.status} instead of ${exchange.response.status}`,
      );
    }
    conversation.close();
    return comparison.differences;
  }

  #addressOf({ request }: Exchange): string | undefined {
    const { master, agent } = this.#subject.addresses;
    return request.target === recordedAddresses.agent ? agent : master;
  }

  /** An ACCEPT or DECLINE names each offer that together are worth what it named in the recording. */
  #withOffers(text: string): string {
    const named = /"offer_ids":\[([^\]]*)\]/.exec(text);
    const framework = /"framework_id":\{"value":"([^"]+)"\}/.exec(text)?.[1];
    if (named === null || framework === undefined) return text;
    const offers = this.#watch.bookOf(framework);
    const added = offers?.spend([...(named[1] ?? '').matchAll(/"value":"([^"]+)"/g)].map(([, id = '']) => id)) ?? [];
    const list = [named[1], ...added.map((id) => JSON.stringify({ value: id }))].join(',');
    return text.replace(named[0], `"offer_ids":[${list}]`);
  }

  #comparison(measured = false): Comparison {
    return new Comparison(this.#ids, this.#subject.addresses, { measured });
  }
}
