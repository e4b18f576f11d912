import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { operatorRoute } from '../../agent/http/operator-route.ts';
import { NestedContainers } from '../../agent/nested/nested-containers.ts';
import { emptyState } from '../../agent/state.ts';
import { encodeMessage, type MediaType } from '../../protocol/codec.ts';
import { decodeJson } from '../../protocol/json-codec.ts';
import { createHttpServer } from '../../runtime/http-server.ts';
import { silentLog } from '../../runtime/log.ts';
import { eventually } from '../support/eventually.ts';
import { Bystander, FuzzTarget, type Given } from '../support/fuzz-target.ts';
import { agentSubscription, frameworkInfo } from '../support/master-messages.ts';
import { Chance, hugeVarint, mutateBytes, mutateJson } from '../support/mutation.ts';

// Bad input of all kinds at a real master in a process of its own. Longer, or again as it was:
//   MESITA_FUZZ_SECONDS=600 MESITA_FUZZ_SEED=1 node --test test/integration/fuzz.test.ts

const seconds = Number(process.env.MESITA_FUZZ_SECONDS ?? 8);
const seed = Number(process.env.MESITA_FUZZ_SEED ?? Date.now() % 1e9);
const megabyte = 1024 * 1024;
/** What the master may hold at its worst. */
const memoryLimit = 1100 * megabyte;

type Call = { [name: string]: never };
interface Seed {
  api: 'scheduler' | 'operator' | 'agent' | 'executor';
  call: Call;
}

/** Calls that real clients sent to a real master and agent. */
const seeds = readFileSync(join(import.meta.dirname, 'fuzz-seeds.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Seed);

const json = { 'content-type': 'application/json' };
const protobuf = { 'content-type': 'application/x-protobuf', accept: 'application/x-protobuf' };

/** Every answer to bad input is that of a server that knows what it does. */
function assertHarmless({ status, text, headers }: Given, sent: string): void {
  // A real master says so too.
  if (status === 500 && /^(failed to decode body|Root container \S+ not found)$/.test(text)) return;
  if (status === 501) return;
  assert.ok(status >= 200 && status < 500, `${status} ${text.slice(0, 300)} for ${sent}`);
  if (status < 400) return;
  assert.equal(headers['content-type'], 'text/plain; charset=utf-8', sent);
  assert.ok(text.length < 300_000, sent);
  assert.doesNotMatch(text, / at .*\.ts:\d+/, sent);
}

function describeRequest(path: string, body: Buffer): string {
  return `${path} ${JSON.stringify(body.subarray(0, 2000).toString('latin1'))} (seed ${seed})`;
}

describe(`bad input (seed ${seed})`, () => {
  let target: FuzzTarget;
  let bystander: Bystander;

  before(async () => {
    target = await FuzzTarget.start();
    const agent = agentSubscription({ resources: 'cpus(bystander):4;mem(bystander):1024', hostname: 'bystander' });
    bystander = await Bystander.join(target, agent, 'bystander');
  });
  after(async () => {
    bystander?.leave();
    await target?.stop();
  });

  /** After each kind of ill-treatment. */
  async function assertUnharmed(t: TestContext): Promise<void> {
    const since = Date.now();
    assert.equal(target.process.over, false, target.process.stderr);
    assert.equal((await target.send('GET', '/health', {})).status, 200);
    await eventually('the other framework gets offers', () => bystander.count('OFFERS', since) >= 2);
    assert.deepEqual(bystander.problems, []);
    assert.equal(bystander.ended, false);
    assert.equal(bystander.count('ERROR'), 0);
    t.diagnostic(
      `memory ${Math.round((await target.memory()) / megabyte)} MB, at most ${Math.round(target.peak / megabyte)} MB`,
    );
    assert.ok(target.peak < memoryLimit, `it held ${target.peak} bytes`);
    assert.doesNotMatch(target.process.stderr, /request failed|ERROR/);
  }

  test('mutated calls, on all endpoints in both forms', { timeout: 1000 * (60 + 2 * seconds) }, async (t) => {
    const chance = new Chance(seed);
    const until = Date.now() + seconds * 1000;
    const noise = await Noise.join(target);
    let sent = 0;
    const statuses = new Map<number, number>();
    const attack = async () => {
      while (Date.now() < until) {
        const { path, headers, body } = noise.request(chance);
        const answer = await target.send('POST', path, headers, body).catch((error: unknown) => {
          throw new Error(`no answer to ${describeRequest(path, body)}`, { cause: error });
        });
        if (answer.status === 500 && answer.text !== 'failed to decode body') {
          await pause(100);
          assert.fail(`${target.process.stderr.slice(-2000)} for ${describeRequest(path, body)}`);
        }
        assertHarmless(answer, describeRequest(path, body));
        if (answer.stream !== undefined) noise.keep(answer);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        sent++;
      }
    };
    await Promise.all([attack(), attack(), attack()]);
    t.diagnostic(`${sent} requests: ${JSON.stringify(Object.fromEntries(statuses))}`);
    noise.leave();
    await assertUnharmed(t);
  });

  test('rubbish, and connections that stall or break', { timeout: 120_000 }, async (t) => {
    const chance = new Chance(seed);
    const until = Date.now() + Math.min(seconds, 60) * 250;
    while (Date.now() < until) {
      const socket = await target.raw();
      const { call } = chance.pick(seeds);
      const body = JSON.stringify(call);
      const path = chance.pick(['/api/v1', '/api/v1/scheduler', '/mesita/v1/agent', '/state', '/%zz']);
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
      const whole = Buffer.from(head + body);
      const chunked = head.replace(/Content-Length.*/, 'Transfer-Encoding: chunked');
      const kinds = [
        () => socket.write(chance.bytes(1 + chance.below(300))),
        () => socket.write(mutateBytes(whole, chance)),
        () => socket.write(Buffer.concat([whole, mutateBytes(whole, chance), chance.bytes(50)])),
        () => socket.end(whole.subarray(0, chance.below(whole.length))),
        () => socket.write(whole.subarray(0, chance.below(whole.length)), () => socket.destroy()),
        () => socket.write(whole.subarray(0, chance.below(whole.length)), () => socket.resetAndDestroy()),
        () => socket.write(`${chunked}${chance.pick(['zz', 'fffffffffffff', '-1', '5'])}\r\n${body}`),
        () => socket.write(`GET /${'a'.repeat(200_000)} HTTP/1.1\r\n`),
        () => socket.write(`GET /state HTTP/1.1\r\n${'X: y\r\n'.repeat(50_000)}`),
        () => socket.write('GET /state HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(300)),
      ];
      chance.pick(kinds)();
      if (chance.happens(0.7)) setTimeout(() => socket.destroy(), chance.below(2000));
      await pause(1);
    }
    await assertUnharmed(t);
  });

  describe('absurd sizes', () => {
    const filler = Buffer.alloc(megabyte, 0x20);
    const refusals: {
      name: string;
      path: string;
      headers: Record<string, string>;
      body: () => Buffer | Iterable<Buffer>;
      status: number[];
    }[] = [
      {
        name: 'a body of 100 MB, chunked',
        path: '/api/v1/scheduler',
        headers: json,
        body: () => Array.from({ length: 100 }, () => filler),
        status: [413],
      },
      {
        name: 'a body of 100 MB, announced',
        path: '/api/v1/scheduler',
        headers: { ...json, 'content-length': String(100 * megabyte) },
        body: () => Array.from({ length: 100 }, () => filler),
        status: [413],
      },
      {
        name: 'a million offer ids in JSON',
        path: '/api/v1/scheduler',
        headers: json,
        body: () =>
          Buffer.from(
            `{"framework_id":{"value":"x"},"type":"DECLINE","decline":{"offer_ids":[${'{"value":"an-offer"},'.repeat(1e6)}{"value":"x"}]}}`,
          ),
        status: [400],
      },
      {
        name: 'a million offer ids in protobuf',
        path: '/api/v1/scheduler',
        headers: protobuf,
        body: () =>
          encodeMessage('application/x-protobuf', 'SchedulerCall', {
            framework_id: { value: 'x' },
            type: 'DECLINE',
            decline: { offer_ids: Array.from({ length: 1e6 }, () => ({ value: 'an-offer' })) },
          }),
        status: [400],
      },
      {
        name: 'millions of empty objects',
        path: '/api/v1/scheduler',
        headers: json,
        body: () => Buffer.from(`{"type":"DECLINE","decline":{"offer_ids":[${'{},'.repeat(20e6)}{}]}}`),
        status: [400, 413],
      },
      {
        name: 'millions of empty messages',
        path: '/api/v1/scheduler',
        headers: protobuf,
        body: () => emptyMessages(30e6),
        status: [400, 413],
      },
      {
        name: 'JSON that is nested without end',
        path: '/api/v1',
        headers: json,
        body: () => Buffer.from(`{"a":${'['.repeat(60e6)}`),
        status: [400, 413],
      },
      {
        name: 'JSON that is nested very deep',
        path: '/api/v1',
        headers: json,
        body: () => Buffer.from(`{"a":${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}}`),
        status: [400],
      },
      {
        name: 'a known message that is nested very deep',
        path: '/api/v1',
        headers: json,
        body: () =>
          Buffer.from(
            `{"type":"GET_CONTAINERS","get_containers":{"container_id":${'{"value":"a","parent":'.repeat(50_000)}null${'}'.repeat(50_000)}}}`,
          ),
        status: [400],
      },
      {
        name: 'millions of empty lines',
        path: '/api/v1/scheduler',
        headers: json,
        body: () => Buffer.from(`${'\n'.repeat(60e6)}x`),
        status: [400, 413],
      },
      {
        name: 'a number of millions of digits',
        path: '/api/v1',
        headers: json,
        body: () => Buffer.from(`{"type":"READ_FILE","read_file":{"path":"/","offset":${'9'.repeat(30e6)}}}`),
        status: [400, 413],
      },
      {
        name: 'a string of fifty megabytes',
        path: '/api/v1/scheduler',
        headers: json,
        body: () => Buffer.from(JSON.stringify({ type: 'SUBSCRIBE', framework_id: { value: 'x'.repeat(50e6) } })),
        status: [400, 413],
      },
      {
        name: 'a hundred megabytes in few bytes of gzip',
        path: '/api/v1',
        headers: { ...json, 'content-encoding': 'gzip' },
        body: () => gzipSync(Buffer.alloc(100 * megabyte)),
        status: [413],
      },
      {
        name: 'an agent with a million tasks of nothing',
        path: '/mesita/v1/agent',
        headers: json,
        body: () => Buffer.from(`{"agent":{"hostname":"a"},"tasks":[${'{},'.repeat(5e6)}{}]}`),
        status: [400, 413],
      },
    ];
    for (const { name, path, headers, body, status } of refusals) {
      test(`${name} is refused`, { timeout: 120_000 }, async (t) => {
        const answer = await target.send('POST', path, headers, body());
        assert.ok(status.includes(answer.status), `${answer.status} ${answer.text.slice(0, 200)}`);
        assertHarmless(answer, name);
        await assertUnharmed(t);
      });
    }

    test('many large bodies at a time that never end are held to a bound', { timeout: 120_000 }, async (t) => {
      const sockets = await Promise.all(Array.from({ length: 30 }, () => target.raw()));
      const answers = sockets.map(
        (socket) => new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data)))),
      );
      for (const socket of sockets) {
        socket.write(
          'POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000000\r\n\r\n',
        );
        for (let part = 0; part < 50; part++) socket.write(filler);
      }
      assert.match(await Promise.race(answers), /^HTTP\/1\.1 429 /);
      await assertUnharmed(t);
      for (const socket of sockets) socket.destroy();
    });
  });

  test('the other framework heard heartbeats all the while', async () => {
    await eventually('a heartbeat', () => bystander.count('HEARTBEAT') >= 2);
    assert.equal(bystander.ended, false);
  });
});

describe(`bad input at an agent (seed ${seed})`, () => {
  test('mutated calls of its operator API', async (t) => {
    const server = createHttpServer({ log: silentLog, actor: 'slave(1)', bodyLimit: megabyte });
    t.after(() => server.close());
    const address = { hostname: 'localhost', ip: '127.0.0.1', port: 5051 };
    const info = { hostname: 'localhost', port: 5051 };
    const identity = { id: 'S', registered: true, info, address, startedAt: 0, master: 'm:1', flags: { a: 'b' } };
    const missing = { problem: { kind: 'missing' } } as const;
    const state = emptyState(
      { killGrace: 5, executorShutdownGrace: 5, executorRegistrationTimeout: 60, executorReregistrationTimeout: 2 },
      [],
    );
    operatorRoute(server, {
      state,
      nested: new NestedContainers(state, {}),
      identity: () => identity,
      statistics: { measure: async () => [] },
      metrics: () => ({ 'slave/uptime_secs': 1.5 }),
      files: { list: async () => missing, read: async () => missing },
      loggingLevel: { level: 0, set: () => undefined },
    });
    const chance = new Chance(seed);
    const own = seeds.filter(({ api }) => api === 'agent' || api === 'executor');
    const until = Date.now() + seconds * 200;
    while (Date.now() < until) {
      const value = mutateJson(chance.pick(own).call as never, chance);
      const media: MediaType = chance.pick(['application/json', 'application/x-protobuf']);
      const body = chance.happens(0.3)
        ? mutateBytes(encode(media, 'AgentCall', value), chance)
        : encode(media, 'AgentCall', value);
      const streaming = { 'content-type': 'application/recordio', 'message-content-type': media };
      const headers: Record<string, string> = chance.happens(0.2) ? streaming : { 'content-type': media };
      if (chance.happens(0.2)) headers.accept = chance.pick([...accepts, 'application/recordio']);
      if (chance.happens(0.1)) headers['content-encoding'] = 'gzip';
      const answer = await server.inject({ method: 'POST', url: '/slave(1)/api/v1', headers, payload: body });
      const given = { status: answer.statusCode, headers: answer.headers as Given['headers'], text: answer.body };
      assertHarmless(given, describeRequest('agent', body));
    }
  });
});

/** DECLINE with so many offer ids that have no value: two bytes each. */
function emptyMessages(count: number): Buffer {
  const offers = Buffer.alloc(2 * count);
  for (let at = 0; at < offers.length; at += 2) offers[at] = 0x0a;
  return Buffer.concat([Buffer.from([0x10, 0x04, 0x22]), varint(offers.length), offers]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

interface Bad {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** Frameworks and an agent that speak nonsense, under ids that the master knows. */
class Noise {
  readonly #streams: Given[] = [];
  #facts: Facts = { sessions: [], links: [], offers: [] };
  #learntAt = 0;

  static async join(target: FuzzTarget): Promise<Noise> {
    const noise = new Noise();
    const resources = 'cpus:64;mem:65536;disk:100000;ports:[31000-32000]';
    const agent = agentSubscription({ resources, hostname: 'noise' });
    noise.keep(await target.send('POST', '/mesita/v1/agent', json, Buffer.from(JSON.stringify(agent))));
    for (const name of ['one', 'two']) {
      const info = { ...frameworkInfo({ name, capabilities: ['PARTITION_AWARE'] }), failover_timeout: 60 };
      const call = { type: 'SUBSCRIBE', subscribe: { framework_info: info } };
      noise.keep(await target.send('POST', '/api/v1/scheduler', json, Buffer.from(JSON.stringify(call))));
    }
    return noise;
  }

  /** Streams that the master opened are read, and closed when there are many. */
  keep(answer: Given): void {
    this.#streams.push(answer);
    if (this.#streams.length > 30) this.#streams.splice(3, 1)[0]?.stream?.hangUp();
  }

  leave(): void {
    for (const { stream } of this.#streams) stream?.hangUp();
  }

  request(chance: Chance): Bad {
    // What is live is not known to a seed; all else is.
    if (Date.now() - this.#learntAt > 100) this.#learn();
    if (chance.happens(0.15)) return this.#otherRequest(chance);
    const { api, call } = chance.pick(seeds);
    const path = api === 'scheduler' || api === 'executor' ? '/api/v1/scheduler' : '/api/v1';
    const session = pickOr(chance, this.#facts.sessions, nobody);
    const live = this.#withLiveIds(call, session.id, chance);
    const value = chance.happens(0.7) ? mutateJson(live, chance) : live;
    const type = path === '/api/v1' ? 'MasterCall' : 'SchedulerCall';
    const media: MediaType = chance.happens(0.5) ? 'application/json' : 'application/x-protobuf';
    let body = encode(media, type, value);
    if (chance.happens(0.2)) body = mutateBytes(body, chance);
    if (media === 'application/x-protobuf' && chance.happens(0.1)) body = Buffer.concat([body, hugeVarint(chance)]);
    const headers: Record<string, string> = { 'content-type': media };
    if ((call as { type?: unknown }).type !== 'SUBSCRIBE' || chance.happens(0.1))
      headers['mesos-stream-id'] = session.stream;
    if (chance.happens(0.1)) headers.accept = chance.pick(accepts);
    if (chance.happens(0.1)) headers['accept-encoding'] = 'gzip';
    if (chance.happens(0.1)) {
      headers['content-encoding'] = 'gzip';
      body = chance.happens(0.5) ? gzipSync(body) : mutateBytes(gzipSync(body), chance);
    }
    return { path, headers, body };
  }

  #otherRequest(chance: Chance): Bad {
    const framework = pickOr(chance, this.#facts.sessions, nobody).id;
    const { id: agent, stream } = pickOr(chance, this.#facts.links, nobody);
    const status = { task_id: { value: 't' }, state: 'TASK_RUNNING', agent_id: { value: agent }, uuid };
    const outcome = { state: 'OPERATION_FINISHED', operation_id: { value: 'o' } };
    const messages = [
      { type: 'UPDATE', framework_id: framework, status, latest_state: 'TASK_RUNNING' },
      { type: 'UPDATE_OPERATION', operation_uuid: 'x', status: outcome },
      { type: 'EXECUTOR_MESSAGE', framework_id: framework, executor_id: 'e', data: 'AAAA' },
      { type: 'EXECUTOR_EXITED', framework_id: framework, executor_id: 'e', status: 256 },
      { type: 'PONG' },
    ];
    const machine = { hostname: 'a', ip: '10.0.0.1' };
    const windows = [{ machine_ids: [machine], unavailability: { start: { nanoseconds: 1 } } }];
    const [path, value] = chance.pick([
      ['/mesita/v1/agent/messages', messages],
      ['/mesita/v1/agent/messages', messages.slice(0, 1)],
      ['/mesita/v1/agent', agentSubscription({ resources: 'cpus:4;mem:1024', hostname: 'mutant' })],
      ['/machine/down', [machine]],
      ['/machine/up', [machine]],
      ['/maintenance/schedule', { windows }],
      ['/teardown', 'frameworkId=x'],
      ['/tasks', {}],
      ['/mesita/v1/kill', { framework_id: framework, task_id: 't', grace_seconds: 1 }],
    ] as const);
    const mutated = chance.happens(0.9) ? mutateJson(value as never, chance) : value;
    let body = Buffer.from(write(mutated));
    if (chance.happens(0.2)) body = Buffer.from(mutateBytes(body, chance));
    return { path, headers: { ...json, 'mesos-stream-id': stream }, body };
  }

  /** Ids that are in use, in place of those of the recording: so calls get past the first checks. */
  #withLiveIds(call: Call, framework: string, chance: Chance): Call {
    const agent = pickOr(chance, this.#facts.links, nobody).id;
    const offers = this.#facts.offers.slice(-2);
    const put = (value: unknown, name = ''): unknown => {
      if (Array.isArray(value)) {
        if (name === 'offer_ids' && chance.happens(0.9)) return offers.map((id) => ({ value: id }));
        return value.map((element) => put(element));
      }
      if (typeof value !== 'object' || value === null) return value;
      if (name === 'framework_id') return { value: framework };
      if (name === 'agent_id') return { value: agent };
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, put(member, key)]));
    };
    return put(call) as Call;
  }

  #learn(): void {
    this.#learntAt = Date.now();
    const facts: Facts = { sessions: [], links: [], offers: [] };
    for (const given of this.#streams) {
      const stream = String(given.headers['mesos-stream-id'] ?? '');
      const text = textOf(given);
      const framework = /"subscribed":\{"framework_id":\{"value":"([^"]+)"/.exec(text)?.[1];
      if (framework !== undefined) facts.sessions.push({ id: framework, stream });
      const agent = /"type":"REGISTERED","agent_id":"([^"]+)"/.exec(text)?.[1];
      if (agent !== undefined) facts.links.push({ id: agent, stream });
      for (const [, offer] of text.matchAll(/"id":\{"value":"([^"]+-O\d+)"/g)) facts.offers.push(offer ?? '');
    }
    this.#facts = facts;
  }
}

interface Facts {
  sessions: { id: string; stream: string }[];
  links: { id: string; stream: string }[];
  /** The newest last. */
  offers: string[];
}

const nobody = { id: 'none', stream: 'none' };
const uuid = 'EjRWeJq8TeaAZcMAAAAAAQ==';
const accepts = ['', '*/*', 'text/html', 'application/x-protobuf', ';;,q=0', 'x'.repeat(5000)];

function pickOr<T>(chance: Chance, values: readonly T[], otherwise: T): T {
  const value = chance.pick(values.length > 0 ? values : [otherwise]);
  return value;
}

/** What a stream said, as text: its beginning and what came last. */
function textOf({ stream }: Given): string {
  if (stream === undefined) return '';
  if (stream.records.length > 20) stream.records.splice(2, stream.records.length - 20);
  return stream.records.map(String).join('');
}

/** JSON; with a number in place of what is nested too deep for JSON.stringify. */
function write(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '1';
  }
}

/** The body in a form; what does not fit the message goes as JSON into either. */
function encode(media: MediaType, type: 'MasterCall' | 'SchedulerCall' | 'AgentCall', value: unknown): Buffer {
  const text = write(value);
  if (media === 'application/json') return Buffer.from(text);
  const decoded = decodeJson(type, text);
  return decoded.ok ? encodeMessage(media, type, decoded.value) : Buffer.from(text);
}
