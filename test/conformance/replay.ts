import { encodeJson } from '../../protocol/json-codec.ts';
import type { Messages } from '../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../protocol/protobuf-codec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type Addresses, Comparison, compareHeads, type Difference, quote, recordedAddresses } from './comparison.ts';
import { at, readDocument, textAt, type Value } from './document.ts';
import { type Conversation, converse, type HttpAnswer } from './http-answer.ts';
import { Identities, tokensOf } from './identities.ts';
import { explain } from './known-differences.ts';
import { eventKey, type LiveRecord, LiveStream, taskOf } from './live-stream.ts';
import type { OfferBook } from './offer-book.ts';
import { bytesOf, type Exchange, headerOf, type Line } from './recording.ts';
import type { Deed, Session } from './sessions.ts';
import {
  type Item,
  inOrder,
  isAgain,
  isIncidental,
  isOver,
  isRead,
  isRepeated,
  messageOf,
  type RecordedExchange,
  type Stream,
  timeline,
} from './timeline.ts';

/** The master and agent under test. */
export interface Subject {
  addresses: Addresses;
  /** How many times faster than the recording's its time runs. */
  speed: number;
  /** Its time. */
  clock: Clock;
  /** Does something to the agent; absent where nobody can. */
  act?(deed: Deed): Promise<void>;
}

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

/** Milliseconds for something to come that is due: as many whatever the speed. */
const patience = 5_000;
/** The same for what is known not to come. */
const brief = 100;
/** So often what comes is waited for in vain; then it is waited for briefly. */
const disappointments = 6;
/** Milliseconds after which what only reads is asked again. */
const askedAgain = [200, 500, 1_000];
/** Milliseconds of real time between two looks at a stream that is quiet. */
const glance = 20;

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
  /** Where in the recording it stands, and since when by the subject's clock. */
  #recorded = 0;
  #passed: number;
  #disappointments = 0;

  constructor(lines: readonly Line[], subject: Subject, session: Session) {
    this.#deeds = new Map(Object.entries(session.deeds ?? {}));
    this.#subject = subject;
    this.#passed = subject.clock.now();
    const own = new Set<string>();
    this.#ids = new Identities(own);
    this.#items = timeline(lines, () => this.#comparison());
    for (const item of this.#items) if (item.kind === 'end') this.#streams.set(item.stream.exchange, item.stream);
    // Of what is of the same millisecond, a request may name an id that a record brought, or a record answer a request.
    for (const item of inOrder(this.#items, ['record', 'end', 'request'])) this.#register(item, own);
    this.#items = inOrder(this.#items, ['request', 'record', 'end']);
  }

  async run(): Promise<Outcome[]> {
    this.#recorded = this.#items[0]?.at ?? 0;
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
    if (item.kind === 'record') introduce(JSON.stringify(item.stream.records[item.index]?.value));
    if (item.kind !== 'request') return;
    const { request, response } = item.exchange;
    const sent = `${request.path} ${JSON.stringify(request.headers)} ${this.#sentText(item.exchange)}`;
    for (const token of tokensOf(sent)) if (!this.#origin.has(token)) own.add(token);
    introduce(`${JSON.stringify(response.headers)} ${bytesOf(response.body).toString('latin1')}`);
  }

  async #perform(item: Item): Promise<void> {
    switch (item.kind) {
      case 'record':
        await this.#awaitRecord(item);
        break;
      case 'end':
        await this.#pauseUntil(item.at);
        await this.#endStream(item.stream);
        break;
      case 'request':
        await this.#pauseUntil(item.at);
        await this.#send(item.exchange);
        await this.#act(item.exchange.name);
        break;
    }
    this.#recorded = Math.max(this.#recorded, item.at);
    this.#passed = this.#now();
  }

  #now(): number {
    return this.#subject.clock.now();
  }

  /** As long after what was before as in the recording. */
  async #pauseUntil(recorded: number): Promise<void> {
    await this.#pause(this.#passed + recorded - this.#recorded - this.#now());
  }

  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return;
    await new Promise<void>((resolve) => void this.#subject.clock.after(milliseconds, resolve));
  }

  /** How long to wait for what is due, by the subject's clock. */
  #patience(isVain = false): number {
    return (isVain || this.#disappointments >= disappointments ? brief : patience) * this.#subject.speed;
  }

  async #settle(answer: HttpAnswer, isDone: () => boolean): Promise<void> {
    for (const deadline = this.#now() + this.#patience(); !isDone() && this.#now() < deadline; )
      await answer.change(glance);
    if (!isDone()) this.#disappointments++;
  }

  async #act(exchange: string): Promise<void> {
    const deed = this.#deeds.get(exchange);
    this.#deeds.delete(exchange);
    if (deed !== undefined) await this.#subject.act?.(deed);
  }

  // Requests

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
    const bytes = this.#requestBytes(exchange);
    const ask = () => converse(address, bytes, exchange.request.method === 'HEAD');
    if (stream === undefined) outcome.differences.push(...(await this.#answers(exchange, ask)));
    else await this.#open(stream, ask(), outcome);
  }

  /** What only reads is asked again where it differs: what led to its answer may not be over. */
  async #answers(exchange: RecordedExchange, ask: () => Conversation): Promise<Difference[]> {
    const { file, name } = exchange;
    let differences = await this.#answer(exchange, ask());
    for (const later of isRead(exchange) ? askedAgain : []) {
      if (differences.every((difference) => explain(file, name, difference) !== undefined)) break;
      await this.#pause(later);
      differences = await this.#answer(exchange, ask());
    }
    return differences;
  }

  /** Waits for the ids that a call names, where they have not come yet; says which of them never came. */
  async #unknownIds(exchange: RecordedExchange): Promise<string | undefined> {
    const { path, headers } = exchange.request;
    const sent = `${path} ${JSON.stringify(headers)} ${this.#sentText(exchange)}`;
    for (const token of tokensOf(sent)) {
      if (this.#ids.knows(token)) continue;
      const origin = this.#origin.get(token);
      if (origin?.kind === 'record') {
        await this.#awaitRecord(origin);
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
    await this.#settle(answer, () => answer.ending !== undefined);
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

  /** What a body says, also one in protobuf. */
  #sentText({ request }: Exchange): string {
    const bytes = bytesOf(request.body);
    if (headerOf(request.headers, 'content-type') !== 'application/x-protobuf') return bytes.toString();
    const decoded = decodeProtobuf('SchedulerCall', bytes);
    return decoded.ok ? encodeJson('SchedulerCall', decoded.value) : '';
  }

  #requestBytes(exchange: RecordedExchange): Buffer {
    const { method, path, headers } = exchange.request;
    const body = this.#body(exchange);
    const lines = headers.map(([name, value]) =>
      name.toLowerCase() === 'content-length' ? `${name}: ${body.length}` : `${name}: ${this.#ids.translate(value)}`,
    );
    const head = `${method} ${this.#ids.translate(path)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  }

  #body(exchange: RecordedExchange): Buffer {
    const recorded = bytesOf(exchange.request.body);
    const text = this.#sentText(exchange);
    if (tokensOf(text).length === 0) return recorded;
    const translated = this.#withOffers(this.#ids.translate(text));
    if (headerOf(exchange.request.headers, 'content-type') !== 'application/x-protobuf') return Buffer.from(translated);
    const call = JSON.parse(translated) as Messages['SchedulerCall'];
    return encodeProtobuf('SchedulerCall', call);
  }

  /** An ACCEPT or DECLINE names each offer that together are worth what it named in the recording. */
  #withOffers(text: string): string {
    const named = /"offer_ids":\[([^\]]*)\]/.exec(text);
    const framework = /"framework_id":\{"value":"([^"]+)"\}/.exec(text)?.[1];
    if (named === null || framework === undefined) return text;
    const offers = this.#bookOf(framework);
    const added = offers?.spend([...(named[1] ?? '').matchAll(/"value":"([^"]+)"/g)].map(([, id = '']) => id)) ?? [];
    const list = [named[1], ...added.map((id) => JSON.stringify({ value: id }))].join(',');
    return text.replace(named[0], `"offer_ids":[${list}]`);
  }

  #bookOf(framework: string): OfferBook | undefined {
    const streams = [...this.#streams.values()].filter(({ live }) =>
      live?.records.some(({ value }) => textAt(value, 'subscribed', 'framework_id', 'value') === framework),
    );
    return streams.at(-1)?.offers;
  }

  // Streams

  async #open(stream: Stream, conversation: Conversation, outcome: Outcome): Promise<void> {
    const { answer } = conversation;
    outcome.events = { recorded: stream.records.length, matched: 0 };
    await this.#settle(answer, () => answer.hasHead);
    compareHeads(stream.exchange.response, answer, stream.comparison);
    if (answer.status === 200) {
      stream.live = new LiveStream(conversation, messageOf(stream.exchange, true));
    } else {
      conversation.close();
    }
  }

  #refresh(stream: Stream): void {
    for (const { value } of stream.live?.refresh() ?? []) {
      const offers = at(value, 'offers', 'offers');
      if (Array.isArray(offers)) for (const offer of offers) stream.offers.add(offer);
      stream.offers.remove(textAt(value, 'rescind', 'offer_id', 'value'));
    }
  }

  async #awaitRecord(item: Item): Promise<void> {
    if (item.kind !== 'record' || item.done) return;
    item.done = true;
    const { stream } = item;
    const recorded = stream.records[item.index]?.value;
    if (recorded === undefined || stream.live === undefined) return;
    const due = this.#now() + Math.max(0, item.at - this.#recorded);
    const key = eventKey(recorded);
    if (key === 'HEARTBEAT' && item.index > 1) {
      stream.matched++;
      return;
    }
    if (key === 'OFFERS') {
      await this.#awaitOffers(stream, recorded, due);
      return;
    }
    const repeated = isRepeated(stream, item.index);
    const name = repeated ? `${key} again` : key;
    const isVain = stream.givenUp.has(taskOf(recorded)) || this.#isExpectedToFail(stream, name);
    const found = await this.#until(stream, due + this.#patience(isVain), async () => {
      const records = stream.live?.records ?? [];
      const live = records.find((one) => !one.taken && one.key === key && (repeated || !isAgain(one, records)));
      if (live !== undefined) return live;
      await this.#acknowledgeOthers(stream);
      return isOver(stream, item.index) ? null : undefined;
    });
    if (!found) {
      if (!isVain) this.#disappointments++;
      if (taskOf(recorded) !== '') stream.givenUp.add(taskOf(recorded));
      stream.comparison.note(`event ${name}`, 'does not come');
      return;
    }
    found.taken = true;
    stream.matched++;
    stream.comparison.values(recorded, found.value, `event ${key}`);
  }

  async #awaitOffers(stream: Stream, recorded: Value, due: number): Promise<void> {
    const offers = at(recorded, 'offers', 'offers');
    for (const offer of Array.isArray(offers) ? offers : []) {
      const agent = textAt(offer, 'agent_id', 'value');
      const find = (exact: boolean) => {
        const id = this.#ids.knows(agent) ? this.#ids.live(agent) : this.#firstAgent(stream);
        return id === undefined ? undefined : stream.offers.match(offer, id, exact);
      };
      const look = async (now: number) => {
        if (now > due + 200 * this.#subject.speed) await this.#declineSurplus(stream);
        return find(true);
      };
      const live = (await this.#until(stream, due + 300 * this.#subject.speed + 2_000, look)) ?? find(false);
      if (!live) {
        stream.comparison.note(`event OFFERS ${textAt(offer, 'allocation_info', 'role')}`, 'does not come');
        continue;
      }
      stream.comparison.values(offer, live, 'event OFFERS');
      this.#ids.learn(textAt(offer, 'id', 'value'), textAt(live, 'id', 'value'));
    }
    for (const record of stream.live?.records ?? []) if (record.key === 'OFFERS') record.taken = true;
    stream.matched++;
  }

  /** The agent of the first offer, before any agent is known. */
  #firstAgent(stream: Stream): string | undefined {
    const record = stream.live?.records.find(({ key }) => key === 'OFFERS');
    const offers = at(record?.value, 'offers', 'offers');
    return Array.isArray(offers) ? textAt(offers[0], 'agent_id', 'value') : undefined;
  }

  /** Looks again at each sign of life on the stream. `null` from `look` means that there is nothing to wait for. */
  async #until<T>(
    stream: Stream,
    deadline: number,
    look: (now: number) => Promise<T | null | undefined>,
  ): Promise<T | undefined> {
    for (;;) {
      this.#refresh(stream);
      const found = await look(this.#now());
      if (found === null) return undefined;
      if (found !== undefined) return found;
      if (this.#now() >= deadline || stream.live === undefined || stream.live.ended) return undefined;
      await stream.live.conversation.answer.change(glance);
    }
  }

  #isExpectedToFail({ exchange: { file, name } }: Stream, key: string): boolean {
    return explain(file, name, { path: `event ${key}`, problem: 'does not come' }) !== undefined;
  }

  /** Updates that were not recorded, or not so often, hold back those that were, until they are acknowledged. */
  async #acknowledgeOthers(stream: Stream): Promise<void> {
    const records = stream.live?.records ?? [];
    for (const record of records) {
      const status = at(record.value, 'update', 'status');
      const uuid = textAt(status, 'uuid');
      if (record.taken || uuid === '' || isIncidental(record, records) || this.#isRecorded(stream, record)) continue;
      record.taken = true;
      stream.comparison.note(`event ${record.key}`, 'is extra');
      const acknowledge = { agent_id: at(status, 'agent_id'), task_id: at(status, 'task_id'), uuid };
      await this.#call(stream, { type: 'ACKNOWLEDGE', acknowledge });
    }
  }

  #isRecorded(stream: Stream, record: LiveRecord): boolean {
    const recorded = stream.records.filter(({ value }) => eventKey(value) === record.key).length;
    const taken = stream.live?.records.filter((live) => live.taken && live.key === record.key).length ?? 0;
    return taken < recorded;
  }

  /** A call of our own, in the name of the stream's framework. */
  async #call(stream: Stream, call: { type: string; [member: string]: unknown }): Promise<void> {
    const subscribed = stream.live?.records.find(({ key }) => key === 'SUBSCRIBED');
    const body = JSON.stringify({ framework_id: at(subscribed?.value, 'subscribed', 'framework_id'), ...call });
    const head = [
      'POST /api/v1/scheduler HTTP/1.1',
      'Host: conformance',
      'Content-Type: application/json',
      `Mesos-Stream-Id: ${stream.live?.id}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const request = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
    const conversation = converse(this.#subject.addresses.master, request, false);
    await this.#settle(conversation.answer, () => conversation.answer.ending !== undefined);
    conversation.close();
  }

  /** Offers that a framework did not have in the recording keep others from having theirs: it gives them back. */
  async #declineSurplus(waiting: Stream): Promise<void> {
    for (const stream of this.#streams.values()) {
      if (stream === waiting || stream.live === undefined || stream.live.ended) continue;
      this.#refresh(stream);
      const surplus = stream.offers.giveBack();
      if (surplus.length === 0) continue;
      const offers = surplus.map((value) => ({ value }));
      await this.#call(stream, { type: 'DECLINE', decline: { offer_ids: offers, filters: { refuse_seconds: 1 } } });
    }
  }

  async #endStream(stream: Stream): Promise<void> {
    const { live, comparison, exchange } = stream;
    if (live === undefined) return;
    if (exchange.response.terminated === 'last-chunk') {
      await this.#until(stream, this.#now() + this.#patience(), async () => (live.ended ? true : undefined));
      const { ending } = live.conversation.answer;
      if (ending !== 'last-chunk')
        comparison.note('stream', `${ending ?? 'goes on'} instead of ending with a last chunk`);
    } else if (live.ended) {
      comparison.note('stream', 'is ended by the master');
    }
    this.#refresh(stream);
    live.conversation.close();
    for (const flaw of live.flaws) comparison.note('framing', flaw);
    const extra = live.records.filter((record) => !record.taken && !isIncidental(record, live.records));
    for (const { key, value } of extra) comparison.note(`event ${key}`, `is extra: ${quote(JSON.stringify(value))}`);
    if (stream.outcome?.events !== undefined) stream.outcome.events.matched = stream.matched;
  }

  #comparison(measured = false): Comparison {
    return new Comparison(this.#ids, this.#subject.addresses, { measured });
  }
}
