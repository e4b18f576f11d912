import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Operated } from '../../../../master/operator/calls.ts';
import { operate } from '../../../../master/operator/calls.ts';
import { newsEvent } from '../../../../master/operator/news-event.ts';
import { encodeJson } from '../../../../protocol/json-codec.ts';
import type { MasterCallType } from '../../../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../../../protocol/protobuf-codec.ts';
import { RecordedCluster, recordedAnswer, recordedEvents } from './recorded-cluster.ts';

const reads = [
  'GET_STATE',
  'GET_TASKS',
  'GET_EXECUTORS',
  'GET_FRAMEWORKS',
  'GET_AGENTS',
  'GET_OPERATIONS',
  'GET_ROLES',
  'GET_WEIGHTS',
  'GET_QUOTA',
  'GET_MAINTENANCE_STATUS',
  'GET_MAINTENANCE_SCHEDULE',
  'GET_HEALTH',
  'GET_LOGGING_LEVEL',
] as const satisfies MasterCallType[];

/** JSON as it goes out, with what differs from run to run made equal, and lists without an order of their own sorted. */
function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = value.map((item) => comparable(item));
    return key === 'statuses' ? items : items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, inner]): [string, unknown] => [name, comparable(inner, name)]);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  if (key === 'nanoseconds' && value !== 0) return 'a time';
  return typeof value === 'string' ? value.replace(/^M-O\d+$/, 'an offer') : value;
}

function answerOf(cluster: RecordedCluster, type: (typeof reads)[number]): unknown {
  const { state, now } = cluster.world;
  const operated: Operated = { state, now, flags: {}, loggingLevel: { level: 0, set: () => undefined } };
  const outcome = operate(operated, { type });
  assert.ok('response' in outcome);
  return JSON.parse(encodeJson('MasterResponse', outcome.response));
}

describe('of the same cluster, operators hear what a real master told', () => {
  for (const moment of ['empty cluster', 'tasks running']) {
    const cluster = new RecordedCluster();
    if (moment === 'tasks running') {
      cluster.subscribe();
      cluster.launch();
      cluster.update();
    }
    for (const type of reads) {
      test(`${type}, ${moment}`, () => {
        assert.deepEqual(comparable(answerOf(cluster, type)), comparable(recordedAnswer(`${type} [${moment}]`)));
      });
    }
  }

  test('events, one by one', () => {
    const cluster = new RecordedCluster();
    cluster.world.take();
    const heard: unknown[] = [];
    for (const step of [() => cluster.subscribe(), () => cluster.launch(), () => cluster.update()]) {
      step();
      for (const effect of cluster.world.take()) {
        if (effect.kind !== 'announce') continue;
        heard.push(JSON.parse(encodeJson('MasterEvent', newsEvent(cluster.world.state, effect.news))));
      }
    }
    assert.deepEqual(
      heard.map((event) => comparable(event)),
      recordedEvents()
        .slice(1)
        .map((event) => comparable(event)),
    );
  });
});

test('every document survives protobuf', () => {
  const cluster = new RecordedCluster();
  cluster.subscribe();
  cluster.launch();
  cluster.update();
  const { state, now } = cluster.world;
  const operated: Operated = { state, now, flags: { a: 'b' }, loggingLevel: { level: 0, set: () => undefined } };
  for (const type of reads) {
    const outcome = operate(operated, { type });
    assert.ok('response' in outcome);
    const bytes = encodeProtobuf('MasterResponse', outcome.response);
    const decoded = decodeProtobuf('MasterResponse', bytes);
    assert.ok(decoded.ok, type);
    assert.deepEqual(encodeProtobuf('MasterResponse', decoded.value), bytes);
  }
});
