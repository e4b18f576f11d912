import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { MediaType } from '../../protocol/codec.ts';
import type { ExecutorEvent, OfferOperation, SchedulerEvent } from '../../protocol/messages.ts';
import type { FakeEngine } from '../support/fake-engine.ts';
import { type ExecutorHearing, HttpExecutor } from '../support/http-executor.ts';
import { frameworkOf, MasterRoom, type OpenStream } from '../support/master-room.ts';
import { agentOf } from '../support/task-cluster.ts';
import { until } from '../support/virtual-clock.ts';

/** What a real agent answered to one call of the executor API. */
interface RecordedCall {
  call: string;
  method: string;
  headers: [string, string][];
  body?: { utf8?: string; base64?: string };
  status: number;
  text?: string;
}

/** What came of an executor's life at a real agent. Ids are `{framework}`, `{agent}` and `{container}`. */
interface RecordedSession {
  executor: string;
  environment: Record<string, string>;
  steps: Step[];
  /** What the scheduler was told: UPDATE, FAILURE, MESSAGE. */
  told: SchedulerEvent[];
}

/** `heard`: so many events of its latest stream the executor had got before this. */
type Step = { heard: number } & (
  | { scheduler: 'ACCEPT'; operations: OfferOperation[] }
  | { scheduler: 'KILL' | 'MESSAGE' | 'SHUTDOWN'; member: object }
  | { subscribe: object; events?: ExecutorEvent[] }
  | { call: string; body: object; status: number; text: string }
  | { exit: number }
  /** The agent is killed, and started again. */
  | { agent: 'restart' }
  /** A document of the agent, or the answer to a call of its operator API. */
  | { read: string; document: object }
);

function recorded<T>(name: string): T[] {
  const text = readFileSync(join(import.meta.dirname, name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

const agentFlags = [
  '--resources=cpus:2;mem:2048;disk:10000;ports:[31000-31099]',
  '--attributes=rack:r1;level:3;zone:a-b',
  '--hostname=localhost',
  '--default_image=fake:1',
];

describe('the executor API answers as a real agent did', () => {
  let room: MasterRoom;
  let agent: Awaited<ReturnType<typeof agentOf>>;
  const later: (() => unknown)[] = [];

  before(async () => {
    room = await MasterRoom.open();
    agent = await agentOf({ after: (release) => void later.push(release as () => unknown) }, room);
  });
  after(async () => {
    for (const release of later) await release();
    await room.close();
  });

  for (const { call, method, headers, body, status, text } of recorded<RecordedCall>('executor-recorded-calls.jsonl')) {
    test(call, async () => {
      const content = body?.utf8 ?? (body?.base64 === undefined ? undefined : Buffer.from(body.base64, 'base64'));
      const response = await fetch(`http://${agent.agent.address}/api/v1/executor`, {
        method,
        headers: headers.length === 0 ? [] : headers,
        ...(content === undefined ? {} : { body: Buffer.from(content) }),
      });
      assert.equal(response.status, status);
      assert.equal(await response.text(), text ?? '');
    });
  }
});

describe('an executor lives as at a real agent', () => {
  for (const session of recorded<RecordedSession>('executor-recorded-sessions.jsonl')) {
    test(session.executor, async (t) => {
      const replay = await Replay.open(t, session);
      for (const step of session.steps) await replay.take(step);
      await replay.end();
    });
  }

  test('in protobuf', async (t) => {
    const [session] = recorded<RecordedSession>('executor-recorded-sessions.jsonl');
    assert.ok(session);
    const replay = await Replay.open(t, session, 'application/x-protobuf');
    for (const step of session.steps) await replay.take(step);
    await replay.end();
  });
});

/** One recorded life, again. */
class Replay {
  readonly #session: RecordedSession;
  readonly #room: MasterRoom;
  readonly #startAgent: (engine?: FakeEngine) => ReturnType<typeof agentOf>;
  #agent: Awaited<ReturnType<typeof agentOf>>;
  readonly #scheduler: OpenStream<SchedulerEvent>;
  readonly #executor: HttpExecutor;
  readonly #media: MediaType;
  readonly #streams: { hearing: ExecutorHearing; expected: ExecutorEvent[] | undefined }[] = [];
  #answered = 0;
  #usedOffers = new Set<string>();
  #container = '';

  private constructor(
    session: RecordedSession,
    room: MasterRoom,
    agent: Awaited<ReturnType<typeof agentOf>>,
    startAgent: (engine?: FakeEngine) => ReturnType<typeof agentOf>,
    scheduler: OpenStream<SchedulerEvent>,
    media: MediaType,
  ) {
    this.#session = session;
    this.#room = room;
    this.#agent = agent;
    this.#startAgent = startAgent;
    this.#scheduler = scheduler;
    this.#executor = new HttpExecutor(agent.agent.address, media);
    this.#media = media;
  }

  static async open(t: TestContext, session: RecordedSession, media: MediaType = 'application/json'): Promise<Replay> {
    const room = await MasterRoom.open();
    t.after(() => room.close());
    const grace = session.executor === 'exstub' ? ['--executor_shutdown_grace_period=100ms'] : [];
    let leavesTasks = false;
    const startAgent = async (engine?: FakeEngine) => {
      const started = await agentOf(t, room, {
        program: () => ({ ignoresTerm: true }),
        flags: [...agentFlags, ...grace],
        leavesTasks: () => leavesTasks,
        ...(engine && { machine: engine.machine }),
      });
      const stop = async () => {
        leavesTasks = true;
        await started.stop();
        leavesTasks = false;
      };
      return { ...started, stop };
    };
    const agent = await startAgent();
    const checkpoint = session.environment.MESOS_CHECKPOINT === '1';
    const capabilities = ['MULTI_ROLE', 'RESERVATION_REFINEMENT', 'PARTITION_AWARE', 'TASK_KILLING_STATE'];
    const info = {
      user: 'root',
      name: checkpoint ? 'fexec' : 'nc',
      roles: ['fx'],
      capabilities: capabilities.map((type) => ({ type })),
    };
    const scheduler = await room.subscribe(checkpoint ? { ...info, failover_timeout: 300, checkpoint } : info);
    const replay = new Replay(session, room, agent, startAgent, scheduler, media);
    t.after(() => replay.#executor.close());
    return replay;
  }

  async take(step: Step): Promise<void> {
    await this.#hearing(step.heard);
    if ('scheduler' in step) return this.#schedule(step);
    if ('subscribe' in step) return this.#subscribe(step.subscribe, step.events);
    if ('read' in step) return this.#read(step.read, step.document);
    if ('agent' in step) return this.#restart();
    if ('exit' in step) return this.#agent.engine.exit(this.#containerName(), step.exit);
    const answer = await this.#executor.call(this.#filled(step.body));
    assert.deepEqual(answer, { status: step.status, text: step.text }, step.call);
  }

  async end(): Promise<void> {
    const { told } = this.#session;
    const wanted = this.#filled(told).map(comparable);
    await until('the scheduler has heard all', () => this.#told().length >= wanted.length).catch(() => undefined);
    assert.deepEqual(this.#told().sort(byTask), wanted.sort(byTask));
    const last = this.#streams.at(-1);
    const tornDown = !this.#session.steps.some((step) => 'scheduler' in step && step.scheduler === 'SHUTDOWN');
    if (tornDown && last?.expected?.at(-1)?.type === 'SHUTDOWN')
      await this.#room.call(this.#scheduler, { type: 'TEARDOWN' });
    for (const { hearing, expected } of this.#streams) {
      if (expected === undefined) continue;
      const all = this.#filled(expected).map((event) => withoutHost(event));
      await until('the stream is as long', () => hearing.events.length >= all.length).catch(() => undefined);
      // What is left out has its default: JSON says it, protobuf does not.
      if (this.#media !== 'application/json') {
        assert.deepEqual(
          hearing.events.map(({ type }) => type),
          all.map(({ type }) => type),
        );
        continue;
      }
      assert.deepEqual(plain(hearing.events.map((event) => withoutHost(event))), plain(all));
    }
    // An executor does not wait to be made to end.
    const name = this.#containerName();
    if (this.#agent.engine.container(name)?.state === 'running') this.#agent.engine.exit(name, 0);
  }

  async #restart(): Promise<void> {
    const { engine, agent, id } = this.#agent;
    await this.#agent.stop();
    this.#agent = await this.#startAgent(engine);
    assert.deepEqual([this.#agent.agent.address, this.#agent.id], [agent.address, id]);
  }

  async #read(what: string, expected: object): Promise<void> {
    // Acknowledged tasks are completed ones.
    await until('all is acknowledged', () => {
      this.#told();
      return [...this.#agent.agent.state.tasks.values()].every(({ queue }) => queue.length === 0);
    });
    const call = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: what }),
    };
    const path = what.startsWith('/') ? what : '/api/v1';
    const answer = await fetch(`http://${this.#agent.agent.address}${path}`, what === path ? {} : call);
    const document = (await answer.json()) as Record<string, unknown>;
    const wanted = Array.isArray(expected)
      ? document
      : Object.fromEntries(Object.keys(expected).map((key) => [key, document[key]]));
    // Mesos tells of networks in updates alone.
    const without = what === '/containers' ? ['network_infos'] : [];
    assert.deepEqual(bare(wanted, without), bare(this.#filled(expected), without), what);
  }

  async #hearing(count: number): Promise<void> {
    const stream = this.#streams.at(-1);
    await until('events', () => (stream?.hearing.events.length ?? 0) >= count);
  }

  async #subscribe(call: object, expected: ExecutorEvent[] | undefined): Promise<void> {
    const { state } = this.#agent.agent;
    await until('the container runs', () => [...state.executors.values()].some(({ phase }) => phase === 'running'));
    const [record] = state.executors.values();
    this.#container = record?.containerId ?? '';
    const earlier = this.#streams.at(-1);
    const hearing = await this.#executor.subscribe(this.#filled(call));
    assert.equal(hearing.status, 200);
    this.#streams.push({ hearing, expected });
    if (earlier === undefined) this.#checkEnvironment();
    else await until('the earlier stream has ended', () => earlier.hearing.ended);
  }

  #checkEnvironment(): void {
    const sandbox = this.#agent.engine
      .container(this.#containerName())
      ?.spec.mounts.find((mount) => mount.kind === 'bind' && mount.containerPath === '/mnt/mesos/sandbox');
    const directory = sandbox?.kind === 'bind' ? sandbox.hostPath : '';
    const expected = {
      ...this.#filled(this.#session.environment),
      MESOS_AGENT_ENDPOINT: this.#agent.agent.address,
      MESOS_SLAVE_PID: `slave(1)@${this.#agent.agent.address}`,
      MESOS_DIRECTORY: directory,
      MESOS_SANDBOX: '/mnt/mesos/sandbox',
      // There, executors of frameworks without checkpoint do not wait for their agent.
      MESOS_CHECKPOINT: '1',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
      ...(this.#session.executor === 'exstub' ? { MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '100ms' } : {}),
    };
    assert.deepEqual(this.#agent.engine.container(this.#containerName())?.spec.environment, expected);
    assert.match(directory, new RegExp(`/executors/${this.#session.executor}/runs/${this.#container}$`));
  }

  #containerName(): string {
    return `mesos-${this.#container}`;
  }

  async #schedule(step: Extract<Step, { scheduler: string }>): Promise<void> {
    if (step.scheduler !== 'ACCEPT') {
      const { scheduler: type, member } = step;
      await this.#room.call(this.#scheduler, { type, [type.toLowerCase()]: this.#filled(member) });
      return;
    }
    const rescinded = () => this.#scheduler.records.flatMap(({ rescind }) => rescind?.offer_id.value ?? []);
    const unused = () =>
      this.#scheduler.records
        .flatMap(({ offers }) => offers?.offers ?? [])
        .find(({ id }) => !this.#usedOffers.has(id.value) && !rescinded().includes(id.value));
    await until('an offer', () => unused() !== undefined);
    const offer = unused();
    assert.ok(offer);
    this.#usedOffers.add(offer.id.value);
    const accept = {
      offer_ids: [offer.id],
      operations: withoutUris(this.#filled(step.operations)),
      filters: { refuse_seconds: 0 },
    };
    await this.#room.call(this.#scheduler, { type: 'ACCEPT', accept });
  }

  #told(): object[] {
    const events = this.#scheduler.records.filter(({ type }) => ['UPDATE', 'FAILURE', 'MESSAGE'].includes(type ?? ''));
    const updates = events.flatMap(({ update }) => (update === undefined ? [] : [update.status]));
    for (const { agent_id, task_id, uuid } of updates.slice(this.#answered)) {
      this.#answered++;
      const acknowledge = { agent_id, task_id, uuid };
      this.#room.call(this.#scheduler, { type: 'ACKNOWLEDGE', acknowledge }).catch(() => undefined);
    }
    // What was not acknowledged before the agent was started again is told again.
    const first = ({ update }: SchedulerEvent, index: number) =>
      update?.status.uuid === undefined ||
      events.findIndex((event) => event.update?.status.uuid === update.status.uuid) === index;
    return events.filter(first).map(comparable);
  }

  #filled<T>(value: T): T {
    const names: Record<string, string> = {
      framework: frameworkOf(this.#scheduler),
      agent: this.#agent.id,
      container: this.#container,
    };
    const text = JSON.stringify(value).replaceAll(
      /\{(framework|agent|container)\}/g,
      (_all, name: string) => names[name] ?? '',
    );
    return JSON.parse(text) as T;
  }
}

/** `file:///etc/hostname` is a file of the machine that was recorded. */
function withoutUris<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === 'uris' ? undefined : inner))) as T;
}

function plain<T>(value: T): T {
  return withoutUris(value);
}

/** A document without times, measurements, the agent's directory, what mesita tells besides, and what `withoutUris` leaves out. */
function bare(document: unknown, without: readonly string[]): unknown {
  const text = JSON.stringify(document, (key, value: unknown) =>
    ['timestamp', 'statistics', 'executor_pid', 'uris', 'message', 'reason', ...without].includes(key)
      ? undefined
      : value,
  );
  return JSON.parse(text.replaceAll(/"[^"]*\/slaves\//g, '"/slaves/')) as unknown;
}

/** Without the agent's port and what it found out about its host. */
function withoutHost(event: ExecutorEvent): ExecutorEvent {
  if (event.subscribed === undefined) return event;
  const { agent_info, ...subscribed } = event.subscribed;
  const { port: _port, attributes = [], ...agent } = agent_info;
  const named = attributes.filter(({ name }) => ['rack', 'level', 'zone'].includes(name));
  return { ...event, subscribed: { ...subscribed, agent_info: { ...agent, attributes: named } } };
}

/** Without times, uuids that the agent made, and processes. */
function comparable(event: SchedulerEvent): object {
  return JSON.parse(
    JSON.stringify(event, (key, value: unknown) => {
      if (key === 'executor_pid' || key === 'timestamp') return undefined;
      if (key === 'status' && (value as { source?: string }).source === 'SOURCE_AGENT')
        return { ...(value as object), uuid: '' };
      return value;
    }),
  ) as object;
}

/** What is of one task or executor stays in order; others may come between. */
function byTask(left: object, right: object): number {
  const name = (event: SchedulerEvent) => event.update?.status.task_id.value ?? '';
  return name(left as SchedulerEvent).localeCompare(name(right as SchedulerEvent));
}
