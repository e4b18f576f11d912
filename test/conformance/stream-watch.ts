import { compareHeads, quote } from './comparison.ts';
import { at, textAt, type Value } from './document.ts';
import { type Conversation, converse } from './http-answer.ts';
import type { Identities } from './identities.ts';
import { explain } from './known-differences.ts';
import { eventKey, type LiveRecord, LiveStream, taskOf } from './live-stream.ts';
import type { OfferBook } from './offer-book.ts';
import { glance, type Pacing } from './pacing.ts';
import type { Outcome } from './replay.ts';
import { type Item, isAgain, isIncidental, isOver, isRepeated, messageOf, type Stream } from './timeline.ts';

/** Waits on the open streams for what was recorded on theirs, and compares. */
export class StreamWatch {
  readonly #streams: readonly Stream[];
  readonly #ids: Identities;
  readonly #pacing: Pacing;
  readonly #master: string;

  /** @param master its address. */
  constructor(streams: readonly Stream[], ids: Identities, pacing: Pacing, master: string) {
    this.#streams = streams;
    this.#ids = ids;
    this.#pacing = pacing;
    this.#master = master;
  }

  /** The offers of a framework, by its living id. */
  bookOf(framework: string): OfferBook | undefined {
    const streams = this.#streams.filter(({ live }) =>
      live?.records.some(({ value }) => textAt(value, 'subscribed', 'framework_id', 'value') === framework),
    );
    return streams.at(-1)?.offers;
  }

  async open(stream: Stream, conversation: Conversation, outcome: Outcome): Promise<void> {
    const { answer } = conversation;
    outcome.events = { recorded: stream.records.length, matched: 0 };
    await this.#pacing.settle(answer, () => answer.hasHead);
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

  async awaitRecord(item: Item): Promise<void> {
    if (item.kind !== 'record' || item.done) return;
    item.done = true;
    const { stream } = item;
    const recorded = stream.records[item.index]?.value;
    if (recorded === undefined || stream.live === undefined) return;
    const due = this.#pacing.due(item.at);
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
    const found = await this.#until(stream, due + this.#pacing.patience(isVain), async () => {
      const records = stream.live?.records ?? [];
      const live = records.find((one) => !one.taken && one.key === key && (repeated || !isAgain(one, records)));
      if (live !== undefined) return live;
      await this.#acknowledgeOthers(stream);
      return isOver(stream, item.index) ? null : undefined;
    });
    if (!found) {
      if (!isVain) this.#pacing.disappoint();
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
      const agent = () => {
        const recorded = textAt(offer, 'agent_id', 'value');
        return (this.#ids.knows(recorded) ? this.#ids.live(recorded) : this.#firstAgent(stream)) ?? '';
      };
      const isWithin = () => stream.offers.holds(offer, agent());
      const look = async (now: number) => {
        if (now > due + this.#pacing.ofReal(200)) await this.#declineSurplus(stream);
        return stream.offers.match(offer, agent(), true) ?? (isWithin() ? null : undefined);
      };
      const awaited = await this.#until(stream, due + this.#pacing.ofReal(300) + 2_000, look);
      const live = awaited ?? stream.offers.match(offer, agent(), false);
      if (live === undefined) {
        const problem = isWithin() ? 'comes within another' : 'does not come';
        stream.comparison.note(`event OFFERS ${textAt(offer, 'allocation_info', 'role')}`, problem);
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
      const found = await look(this.#pacing.now());
      if (found === null) return undefined;
      if (found !== undefined) return found;
      if (this.#pacing.now() >= deadline || stream.live === undefined || stream.live.ended) return undefined;
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
    const conversation = converse(this.#master, request, false);
    await this.#pacing.settle(conversation.answer, () => conversation.answer.ending !== undefined);
    conversation.close();
  }

  /** Offers that a framework did not have in the recording keep others from having theirs: it gives them back. */
  async #declineSurplus(waiting: Stream): Promise<void> {
    for (const stream of this.#streams) {
      if (stream === waiting || stream.live === undefined || stream.live.ended) continue;
      this.#refresh(stream);
      const surplus = stream.offers.giveBack();
      if (surplus.length === 0) continue;
      const offers = surplus.map((value) => ({ value }));
      await this.#call(stream, { type: 'DECLINE', decline: { offer_ids: offers, filters: { refuse_seconds: 1 } } });
    }
  }

  async end(stream: Stream): Promise<void> {
    const { live, comparison, exchange } = stream;
    if (live === undefined) return;
    if (exchange.response.terminated === 'last-chunk') {
      await this.#until(stream, this.#pacing.now() + this.#pacing.patience(), async () =>
        live.ended ? true : undefined,
      );
      const { ending } = live.conversation.answer;
      if (ending !== 'last-chunk')
        comparison.note('stream', `${ending ?? 'goes on'} instead of ending with a last chunk`);
    } else if (live.ended && exchange.response.error !== 'peer-closed') {
      comparison.note('stream', 'is ended by the master');
    }
    this.#refresh(stream);
    live.conversation.close();
    for (const flaw of live.flaws) comparison.note('framing', flaw);
    const extra = live.records.filter((record) => !record.taken && !isIncidental(record, live.records));
    for (const { key, value } of extra) comparison.note(`event ${key}`, `is extra: ${quote(JSON.stringify(value))}`);
    if (stream.outcome?.events !== undefined) stream.outcome.events.matched = stream.matched;
  }
}
