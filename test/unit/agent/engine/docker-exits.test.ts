import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ExitReporter, endedByEngine } from '../../../../agent/engine/docker-exits.ts';
import type { EngineEvent } from '../../../../agent/engine/engine.ts';

let events: EngineEvent[] = [];
let inspections: string[] = [];
let closed = false;

function reporter(
  found?: { exitCode: number; outOfMemory: boolean; memoryLimit: number },
  peak?: number,
): ExitReporter {
  return new ExitReporter({
    emit: (event) => events.push(event),
    inspect: async (id) => {
      inspections.push(id);
      return found;
    },
    readPeak: async () => peak,
    isClosed: async () => closed,
  });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  events = [];
  inspections = [];
  closed = false;
});

test('an ordinary exit is reported at once and without an inspection', () => {
  const exits = reporter();
  exits.created('a', '1');
  exits.starting('a');
  exits.started('a');
  exits.died('a', '1', 3);
  assert.deepEqual(events, [{ kind: 'exited', name: 'a', exitCode: 3, outOfMemory: false }]);
  assert.equal(inspections.length, 0);
});

test('an exit before the answer to start waits for it, and is dropped when the start failed', () => {
  const exits = reporter();
  for (const name of ['good', 'bad']) {
    exits.created(name, name);
    exits.starting(name);
    exits.died(name, name, 1);
  }
  assert.equal(events.length, 0);
  exits.started('good');
  exits.startFailed('bad');
  exits.died('bad', 'bad', 1);
  assert.deepEqual(
    events.map((event) => 'name' in event && event.name),
    ['good'],
  );
});

test('code 137 is looked at before it is reported', async () => {
  const exits = reporter({ exitCode: 137, outOfMemory: true, memoryLimit: 16 });
  exits.died('a', '1', 137);
  assert.equal(events.length, 0);
  await settled();
  const expected: EngineEvent[] = [{ kind: 'exited', name: 'a', exitCode: 137, outOfMemory: true, memPeak: 16 }];
  assert.deepEqual(events, expected);
});

test('an event about memory that comes while the exit is looked at still counts, and is not told after it', async () => {
  const exits = reporter({ exitCode: 137, outOfMemory: false, memoryLimit: 16 });
  exits.died('a', '1', 137);
  exits.oom('a', '1');
  await settled();
  exits.oom('a', '1');
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['oom', 'exited'],
  );
  assert.equal(events[1]?.kind === 'exited' && events[1].outOfMemory, true);
});

test('the peak that was read when memory ran out goes with the exit', async () => {
  const exits = reporter(undefined, 15.5);
  exits.oom('a', '1');
  exits.died('a', '1', 0);
  await settled();
  assert.deepEqual(events.at(-1), { kind: 'exited', name: 'a', exitCode: 0, outOfMemory: true, memPeak: 15.5 });
  assert.equal(inspections.length, 0);
});

test('a listing reports what ended unheard, what is gone, and nothing twice', async () => {
  const exits = reporter({ exitCode: 5, outOfMemory: false, memoryLimit: 0 });
  exits.baseline([
    { id: '0', name: 'old', state: 'exited' },
    { id: '1', name: 'ended', state: 'running' },
    { id: '2', name: 'on', state: 'running' },
    { id: '3', name: 'known', state: 'running' },
  ]);
  exits.died('known', '3', 0);
  const before = exits.running();
  const listed = [
    { id: '0', name: 'old', state: 'exited' as const },
    { id: '1', name: 'ended', state: 'exited' as const },
    { id: '2', name: 'on', state: 'running' as const },
    { id: '3', name: 'known', state: 'exited' as const },
  ];
  exits.reconcile(listed, before);
  exits.reconcile(listed, before);
  exits.died('ended', '1', 5);
  await settled();
  assert.deepEqual(
    events.map((event) => 'name' in event && event.name),
    ['known', 'ended'],
  );
  exits.reconcile([], exits.running());
  await settled();
  assert.deepEqual(
    events.slice(2).map((event) => 'name' in event && event.name),
    ['on'],
  );
});

test('a container that started after the listing was asked for is not taken for gone', () => {
  const exits = reporter();
  const before = exits.running();
  exits.created('a', '1');
  exits.starting('a');
  exits.started('a');
  exits.reconcile([], before);
  assert.equal(events.length, 0);
});

test('a late exit of a removed container is reported, and not taken for one of its namesake', () => {
  const exits = reporter();
  exits.baseline([{ id: '1', name: 'a', state: 'running' }]);
  exits.removed('a');
  exits.died('a', '1', 0);
  assert.equal(events.length, 1);
  exits.created('a', '2');
  exits.died('a', '1', 0);
  assert.equal(events.length, 1);
});

test('an engine that stops is said to have ended what it told to end, and nobody else is', async () => {
  const exits = reporter({ exitCode: 0, outOfMemory: false, memoryLimit: 0 });
  for (const name of ['people', 'us', 'engine', 'itself']) exits.baseline([{ name, id: name, state: 'running' }]);
  exits.killed('people', 'people');
  exits.died('people', 'people', 0);
  await settled();
  closed = true;
  exits.stopping('us');
  exits.killed('us', 'us');
  exits.killed('engine', 'engine');
  for (const name of ['us', 'engine', 'itself']) exits.died(name, name, 0);
  await settled();
  const plain = { kind: 'exited', exitCode: 0, outOfMemory: false };
  assert.deepEqual(
    events.sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other))),
    [
      { ...plain, name: 'engine', because: endedByEngine },
      { ...plain, name: 'itself' },
      { ...plain, name: 'people' },
      { ...plain, name: 'us' },
    ].sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other))),
  );
});
