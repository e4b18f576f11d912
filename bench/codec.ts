// How fast the codecs are beside JSON.parse and JSON.stringify on the same messages.
// Run with `node bench/codec.ts`. Claim: JSON at least 0.8 of their speed, protobuf at least 0.5.

import { decodeJson, encodeJson } from '../protocol/json-codec.ts';
import type { Offer, Resource, SchedulerEvent } from '../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../protocol/protobuf-codec.ts';

const rounds = 15;
const roundMilliseconds = 50;
const warmUpMilliseconds = 500;

const master = '2f8d5e0c-6a1b-4f73-9c57-0d9f7f1a3b42';
const framework = `${master}-0001`;

const update: SchedulerEvent = {
  type: 'UPDATE',
  update: {
    status: {
      task_id: { value: 'web.7c0b5f2e-17' },
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      agent_id: { value: `${master}-S12` },
      executor_id: { value: 'web.7c0b5f2e-17' },
      timestamp: 1795210302.2849402,
      uuid: 'N1oMII0UQhecFQbzKJq3Ag==',
      container_status: {
        container_id: { value: 'b3a5c9d2-4d1e-4f0a-8a57-6c2f9e7d1b30' },
        network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '192.168.17.4' }] }],
        executor_pid: 27411,
      },
    },
  },
};

function scalar(name: string, value: number): Resource {
  return { name, type: 'SCALAR', scalar: { value }, allocation_info: { role: 'services' } };
}

function offer(index: number): Offer {
  const hostname = `agent-${index}.example.com`;
  return {
    id: { value: `${master}-O${index}` },
    framework_id: { value: framework },
    agent_id: { value: `${master}-S${index}` },
    hostname,
    url: {
      scheme: 'http',
      address: { hostname, ip: `10.0.${index >> 8}.${index & 255}`, port: 5051 },
      path: '/slave(1)',
    },
    resources: [
      {
        name: 'ports',
        type: 'RANGES',
        ranges: { range: [{ begin: 31000, end: 31000 + index }] },
        allocation_info: { role: 'services' },
      },
      scalar('cpus', 15.9),
      scalar('mem', 63488 - index),
      scalar('disk', 409600),
    ],
    attributes: [
      { name: 'rack', type: 'TEXT', text: { value: `r${index % 40}` } },
      { name: 'level', type: 'SCALAR', scalar: { value: 3 } },
    ],
    allocation_info: { role: 'services' },
  };
}

const offers: SchedulerEvent = {
  type: 'OFFERS',
  offers: { offers: Array.from({ length: 1000 }, (_, index) => offer(index)) },
};

/** Concatenated strings are only put together when read: reading one as a number does that, cheaply. */
function flatten(text: string): number {
  return Number(text);
}

/** CPU time a run, of all threads: the garbage collector's count too, other processes' do not. */
function microseconds(run: () => unknown, times: number): number {
  const start = process.cpuUsage();
  for (let i = 0; i < times; i++) run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / times;
}

/** Runs until the engine has compiled what runs; returns how many runs make a round. */
function warmUp(run: () => unknown): number {
  let runs = 0;
  const start = performance.now();
  while (performance.now() - start < warmUpMilliseconds) {
    run();
    runs++;
  }
  return Math.ceil((runs * roundMilliseconds) / warmUpMilliseconds);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Runs the candidates in turns, so that whatever disturbs the machine disturbs all of them alike. */
function measure<Name extends string>(candidates: Record<Name, () => unknown>): Record<Name, number> {
  const names = Object.keys(candidates) as Name[];
  const times = new Map(names.map((name) => [name, warmUp(candidates[name])]));
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) taken.get(name)?.push(microseconds(candidates[name], times.get(name) ?? 1));
  }
  return Object.fromEntries(names.map((name) => [name, median(taken.get(name) ?? [])])) as Record<Name, number>;
}

function report(title: string, event: SchedulerEvent): void {
  const text = encodeJson('SchedulerEvent', event);
  const bytes = encodeProtobuf('SchedulerEvent', event);
  const took = measure({
    parse: () => JSON.parse(text),
    decodeJson: () => decodeJson('SchedulerEvent', text),
    decodeProtobuf: () => decodeProtobuf('SchedulerEvent', bytes),
    stringify: () => flatten(JSON.stringify(event)),
    encodeJson: () => flatten(encodeJson('SchedulerEvent', event)),
    encodeProtobuf: () => encodeProtobuf('SchedulerEvent', event),
  });
  const line = (name: keyof typeof took, floor: number, native: 'parse' | 'stringify') => {
    const ratio = took[native] / took[name];
    const verdict = ratio >= floor ? 'ok' : 'BELOW';
    console.log(
      `  ${name.padEnd(15)} ${took[name].toFixed(1).padStart(9)} µs  ${ratio.toFixed(2)} of JSON.${native} (floor ${floor}) ${verdict}`,
    );
  };
  console.log(`${title}: ${text.length} bytes of JSON, ${bytes.length} of protobuf`);
  console.log(`  JSON.parse      ${took.parse.toFixed(1).padStart(9)} µs`);
  console.log(`  JSON.stringify  ${took.stringify.toFixed(1).padStart(9)} µs`);
  line('decodeJson', 0.8, 'parse');
  line('encodeJson', 0.8, 'stringify');
  line('decodeProtobuf', 0.5, 'parse');
  line('encodeProtobuf', 0.5, 'stringify');
}

console.log(`CPU time, medians of ${rounds} interleaved rounds, Node ${process.versions.node}`);
report('UPDATE event', update);
report('OFFERS event of 1,000 offers', offers);
