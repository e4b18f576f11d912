import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { newMetrics } from '../../../../master/metrics.ts';
import { absent, gone, weight } from '../../../../master/registry/entries.ts';
import { Registrar } from '../../../../master/registry/registrar.ts';
import { asAgentId } from '../../../../protocol/ids.ts';
import { ScriptedRegistry } from '../../../support/scripted-registry.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

function room() {
  const store = new ScriptedRegistry();
  const clock = new VirtualClock();
  const heard: string[] = [];
  const losses: string[] = [];
  const metrics = newMetrics();
  const lead = { holds: true };
  const registrar = new Registrar({
    store,
    clock,
    metrics,
    storeTimeout: 20,
    fetchTimeout: 60,
    holds: () => lead.holds,
    onLoss: ({ code }) => losses.push(code),
  });
  const say = (text: string) => registrar.pass(() => heard.push(text));
  const record = (key: string) => registrar.record([gone(asAgentId(key), 1)]);
  const written = async (which: number, error?: Error) => {
    clock.advance(0);
    store.writes[which]?.settle(error);
    await turn();
  };
  return { store, clock, heard, losses, lead, metrics, registrar, say, record, written };
}

test('what goes out does so at once where nothing is to be written', () => {
  const { heard, registrar, say } = room();
  say('a');
  assert.deepEqual([heard, registrar.isIdle], [['a'], true]);
});

test('what is recorded in one turn is one write, and all that comes after it waits for that, in its order', async () => {
  const { store, heard, registrar, say, record, written } = room();
  record('1');
  say('a');
  registrar.record([weight('r', 2), absent('gone', '1')]);
  say('b');
  assert.deepEqual([store.writes.length, heard, registrar.isIdle], [0, [], false]);
  await written(0);
  assert.deepEqual(
    store.writes.map(({ keys }) => keys),
    [['1', 'r', '-1']],
  );
  assert.deepEqual([heard, registrar.isIdle], [['a', 'b'], true]);
});

test('what is recorded while something is being written is the next write; nothing overtakes', async () => {
  const { store, clock, heard, say, record, written } = room();
  record('1');
  say('a');
  clock.advance(0);
  say('still a');
  record('2');
  say('b');
  record('3');
  say('c');
  clock.advance(0);
  assert.equal(store.writes.length, 1);
  await written(0);
  assert.deepEqual(heard, ['a', 'still a']);
  assert.deepEqual(store.writes[1]?.keys, ['2', '3']);
  say('d');
  await written(1);
  assert.deepEqual(heard, ['a', 'still a', 'b', 'c', 'd']);
});

test('what is passed on the way out comes last, and what is recorded there holds it', async () => {
  const { heard, registrar, say, record, written } = room();
  record('1');
  registrar.pass(() => {
    heard.push('a');
    say('c');
    record('2');
    say('d');
  });
  say('b');
  await written(0);
  assert.deepEqual(heard, ['a', 'b', 'c']);
  await written(1);
  assert.deepEqual(heard, ['a', 'b', 'c', 'd']);
});

test('after a write that failed nothing is written or heard any more, and the loss is told once', async () => {
  const { store, clock, heard, losses, registrar, say, record, written } = room();
  record('1');
  say('a');
  clock.advance(0);
  record('2');
  say('b');
  await written(0, Object.assign(new Error('no more room'), { code: 'ENOSPC' }));
  record('3');
  say('c');
  await registrar.close();
  assert.deepEqual([heard, losses, store.writes.length, store.closed], [[], ['MESITA_DATABASE_FAILED'], 1, true]);
});

test('a write that takes too long is one that failed', async () => {
  const { clock, heard, losses, say, record, written } = room();
  record('1');
  say('a');
  clock.advance(0);
  clock.advance(20_000);
  await turn();
  assert.deepEqual(losses, ['MESITA_REGISTRY_TIMEOUT']);
  await written(0);
  assert.deepEqual(heard, []);
});

test('an end waits for what is being written, and lets out what waits for that, but nothing later', async () => {
  const { store, heard, registrar, say, record, written } = room();
  record('1');
  say('a');
  const closed = registrar.close();
  await turn();
  assert.equal(store.closed, false);
  await written(0);
  await closed;
  say('b');
  record('2');
  assert.deepEqual([heard, store.writes.length, store.closed], [['a'], 1, true]);
});

test('opening waits no longer than it may', async () => {
  const { store, clock, registrar, metrics } = room();
  await registrar.open(new AbortController().signal);
  assert.equal(metrics.registryFetch.count, 1);
  store.open = () => new Promise(() => undefined);
  const late = registrar.open(new AbortController().signal);
  clock.advance(60_000);
  await assert.rejects(late, { code: 'MESITA_REGISTRY_TIMEOUT' });
});

test('nothing goes out from the moment on when the lead is not certain any more, and the master is told once', () => {
  const { heard, losses, lead, registrar, say } = room();
  say('a');
  lead.holds = false;
  say('b');
  lead.holds = true;
  say('c');
  assert.deepEqual([heard, losses, registrar.isIdle], [['a'], ['MESITA_LEADERSHIP_LOST'], true]);
});

test('what waited for a write does not go out either when the lead is lost meanwhile', async () => {
  const { heard, losses, lead, registrar, say, record, written } = room();
  record('1');
  say('a');
  registrar.pass(() => {
    heard.push('b');
    lead.holds = false;
  });
  say('c');
  record('2');
  await written(0);
  assert.deepEqual([heard, losses], [['a', 'b'], ['MESITA_LEADERSHIP_LOST']]);
  await registrar.close();
});
