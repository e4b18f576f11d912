// Claims: explicit reconciliation of 100,000 tasks ≤ 0.5 s; UPDATE → ACKNOWLEDGE round trips ≥ 10,000/s on one core; a
// trivial request meanwhile at p99 ≤ 10 ms; a thousand subscribed frameworks ≤ 50 KB each. Peer: bench/bare-server.ts.

import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { percentile, ratio, spread } from './statistics.ts';
import { CallConnection, RecordSubscription, type Target } from './wire-client.ts';
import { WireServer } from './wire-server.ts';

const tasks = Number(process.env.MESITA_BENCH_TASKS ?? 100_000);
const roundTrips = Number(process.env.MESITA_BENCH_ROUND_TRIPS ?? 50_000);
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);
const frameworks = 1_000;
const connections = 16;
/** Updates in one message of the agent, and at most on their way at a time. */
const batch = 64;
const window = 512;

const framework = { value: 'bench-framework' };
const agent = { value: 'bench-agent' };
const info = { user: 'root', name: 'bench', id: framework, failover_timeout: 3600, checkpoint: false };
const taskId = (index: number) => `bench.task-${String(index).padStart(6, '0')}`;

/** A framework with all its tasks on one agent, on either server. */
class Session {
  readonly #calls: CallConnection[] = [];
  #scheduler: RecordSubscription | undefined;
  #agent: RecordSubscription | undefined;
  #toMaster: CallConnection | undefined;
  onSchedulerRecord: (record: string) => void = () => undefined;
  onAgentRecord: (record: string) => void = () => undefined;

  static async open(target: Target): Promise<Session> {
    const session = new Session();
    session.#agent = await RecordSubscription.open(target, '/mesita/v1/agent', agentSubscription(), (record) =>
      session.onAgentRecord(record),
    );
    const subscribe = { type: 'SUBSCRIBE', framework_id: framework, subscribe: { framework_info: info } };
    session.#scheduler = await RecordSubscription.open(
      target,
      '/api/v1/scheduler',
      JSON.stringify(subscribe),
      (record) => session.onSchedulerRecord(record),
    );
    const [scheduler, toMaster] = [session.#scheduler.streamId, session.#agent.streamId];
    for (let i = 0; i < connections; i++) {
      session.#calls.push(await CallConnection.open(target, '/api/v1/scheduler', [`Mesos-Stream-Id: ${scheduler}`]));
    }
    session.#toMaster = await CallConnection.open(target, '/mesita/v1/agent/messages', [
      `Mesos-Stream-Id: ${toMaster}`,
    ]);
    return session;
  }

  /** Milliseconds from the call to the last of the answers. */
  async reconcile(): Promise<number> {
    const named = Array.from({ length: tasks }, (_, index) => ({ task_id: { value: taskId(index) }, agent_id: agent }));
    const body = JSON.stringify({ framework_id: framework, type: 'RECONCILE', reconcile: { tasks: named } });
    const answered = this.#scheduler?.count('{"type":"UPDATE"', tasks);
    const began = performance.now();
    await this.#calls[0]?.call(body);
    await answered;
    return performance.now() - began;
  }

  /** Seconds until `count` updates of the agent were forwarded, acknowledged, and their acknowledgement was forwarded. */
  async acknowledge(count: number): Promise<number> {
    const idle = [...this.#calls];
    const waiting: string[] = [];
    let [sent, over] = [0, 0];
    const { promise: all, resolve: done } = Promise.withResolvers<void>();
    const post = (connection: CallConnection, body: string): void => {
      connection
        .call(body)
        .then((status) => {
          if (status !== 202) throw new Error(`ACKNOWLEDGE was answered ${status}`);
          const next = waiting.pop();
          if (next === undefined) idle.push(connection);
          else post(connection, next);
        })
        .catch((error: unknown) => setImmediate(() => Promise.reject(error)));
    };
    let sending = false;
    const sendMore = async (): Promise<void> => {
      if (sending) return;
      sending = true;
      while (sent < count && sent - over <= window - batch) {
        const updates = Array.from({ length: Math.min(batch, count - sent) }, (_, i) => update(sent + i));
        sent += updates.length;
        await this.#toMaster?.call(`[${updates.join(',')}]`);
      }
      sending = false;
    };
    this.onSchedulerRecord = (record) => {
      if (!record.startsWith('{"type":"UPDATE"')) return;
      const body = acknowledgement(record);
      const connection = idle.pop();
      if (connection === undefined) waiting.push(body);
      else post(connection, body);
    };
    this.onAgentRecord = (record) => {
      if (!record.includes('"ACKNOWLEDGE"')) return;
      if (++over === count) done();
      else if (sent - over <= window - batch) void sendMore().catch(() => undefined);
    };
    const began = performance.now();
    await sendMore();
    await all;
    return (performance.now() - began) / 1000;
  }

  close(): void {
    for (const connection of [...this.#calls, this.#toMaster]) connection?.close();
    this.#scheduler?.close();
    this.#agent?.close();
  }
}

function agentSubscription(): string {
  const held = Array.from({ length: tasks }, (_, index) => ({
    name: 'bench',
    task_id: { value: taskId(index) },
    framework_id: framework,
    agent_id: agent,
    state: 'TASK_RUNNING',
    resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.001 }, allocation_info: { role: '*' } }],
  }));
  const total = [{ name: 'cpus', type: 'SCALAR', scalar: { value: tasks / 1000 + 1 } }];
  return JSON.stringify({
    agent: { hostname: 'bench', id: agent, resources: total },
    total,
    executors: [],
    operations: [],
    address: { hostname: 'bench', ip: '127.0.0.1', port: 5051 },
    version: '1.11.0',
    tasks: held,
    frameworks: [info],
  });
}

function update(index: number): string {
  const uuid = Buffer.alloc(16);
  uuid.writeUInt32BE(index, 0);
  // Version and variant of a random UUID, without which it is none.
  uuid[6] = 0x40;
  uuid[8] = 0x80;
  const task = taskId(index % tasks);
  return `{"type":"UPDATE","framework_id":"${framework.value}","latest_state":"TASK_RUNNING","status":{"task_id":{"value":"${task}"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","agent_id":{"value":"${agent.value}"},"executor_id":{"value":"${task}"},"timestamp":1795210302.25,"uuid":"${uuid.toString('base64')}","container_status":{"container_id":{"value":"b3a5c9d2-4d1e-4f0a-8a57-6c2f9e7d1b30"},"network_infos":[{"ip_addresses":[{"protocol":"IPv4","ip_address":"192.168.17.4"}]}]}}}`;
}

function between(text: string, before: string): string {
  const begin = text.indexOf(before) + before.length;
  return text.slice(begin, text.indexOf('"', begin));
}

function acknowledgement(record: string): string {
  const task = between(record, '"task_id":{"value":"');
  const uuid = between(record, '"uuid":"');
  return `{"framework_id":{"value":"${framework.value}"},"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"${agent.value}"},"task_id":{"value":"${task}"},"uuid":"${uuid}"}}`;
}

/** Runs `work` while another client asks for something small; the times of its answers, in milliseconds. */
async function withTrivialClient<Result>(target: Target, work: () => Promise<Result>): Promise<[Result, number[]]> {
  const worker = new Worker(resolve(import.meta.dirname, 'trivial-client.ts'), { workerData: target });
  await new Promise((started) => worker.once('online', started));
  const result = await work();
  const times = new Promise<number[]>((received) => worker.once('message', received));
  worker.postMessage('stop');
  const measured = await times;
  await worker.terminate();
  return [result, measured];
}

interface Measured {
  reconcile: number[];
  reconcileCpu: number[];
  rate: number[];
  perCpuSecond: number[];
  reconcileTrivial: number[];
  rateTrivial: number[];
}

async function measure(server: WireServer, session: Session, into: Measured): Promise<void> {
  const before = await server.cpuSeconds();
  const [took, during] = await withTrivialClient(server.target, () => session.reconcile());
  into.reconcile.push(took);
  into.reconcileCpu.push(((await server.cpuSeconds()) - before) * 1000);
  into.reconcileTrivial.push(...during);
  const cpu = await server.cpuSeconds();
  const [seconds, meanwhile] = await withTrivialClient(server.target, () => session.acknowledge(roundTrips));
  into.rate.push(roundTrips / seconds);
  into.perCpuSecond.push(roundTrips / ((await server.cpuSeconds()) - cpu));
  into.rateTrivial.push(...meanwhile);
}

async function frameworkKilobytes(): Promise<number> {
  const server = await WireServer.start('master');
  const open: RecordSubscription[] = [];
  try {
    const subscribe = async () => {
      const call = { type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'root', name: 'bench' } } };
      open.push(
        await RecordSubscription.open(server.target, '/api/v1/scheduler', JSON.stringify(call), () => undefined),
      );
    };
    // The first ones warm the code up.
    for (let i = 0; i < 50; i++) await subscribe();
    const before = server.resident();
    for (let i = 0; i < frameworks; i++) await subscribe();
    return (server.resident() - before) / frameworks / 1024;
  } finally {
    for (const subscription of open) subscription.close();
    await server.stop();
  }
}

const empty = (): Measured => ({
  reconcile: [],
  reconcileCpu: [],
  rate: [],
  perCpuSecond: [],
  reconcileTrivial: [],
  rateTrivial: [],
});
const results = { master: empty(), bare: empty() };
const servers = { master: await WireServer.start('master'), bare: await WireServer.start('bare') };
try {
  const sessions = { master: await Session.open(servers.master.target), bare: await Session.open(servers.bare.target) };
  // One round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const kind of ['master', 'bare'] as const) {
      await measure(servers[kind], sessions[kind], round === 0 ? empty() : results[kind]);
    }
  }
  for (const session of Object.values(sessions)) session.close();
} finally {
  for (const server of Object.values(servers)) await server.stop();
}
const { master, bare } = results;
const p99 = (times: number[]) =>
  `${percentile(times, 0.99).toFixed(1)} ms p99, ${Math.max(...times).toFixed(1)} ms at most`;
console.log(
  `reconcile ${tasks} tasks   ${spread(master.reconcile, 0)} ms; bare server ${spread(bare.reconcile, 0)} ms`,
);
console.log(`  CPU time of the server ${spread(master.reconcileCpu, 0)} ms; bare ${spread(bare.reconcileCpu, 0)} ms`);
console.log(`  a trivial request meanwhile ${p99(master.reconcileTrivial)}; bare ${p99(bare.reconcileTrivial)}`);
console.log(
  `UPDATE → ACKNOWLEDGE     ${spread(master.rate, 0)} a second; bare server ${spread(bare.rate, 0)}; ratio ${ratio(master.rate, bare.rate)}`,
);
console.log(
  `  by CPU time of the server ${spread(master.perCpuSecond, 0)} a second of one core; bare ${spread(bare.perCpuSecond, 0)}`,
);
console.log(`  a trivial request meanwhile ${p99(master.rateTrivial)}; bare ${p99(bare.rateTrivial)}`);
const sizes: number[] = [];
for (let round = 0; round < 3; round++) sizes.push(await frameworkKilobytes());
console.log(`a subscribed framework   ${spread(sizes)} KB resident each, of ${frameworks}`);
