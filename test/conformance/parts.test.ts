import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Comparison } from './comparison.ts';
import { parseJson } from './document.ts';
import { HttpAnswer } from './http-answer.ts';
import { Identities } from './identities.ts';
import { OfferBook } from './offer-book.ts';

const master = { master: '127.0.0.1:1' };

function differences(recorded: string, live: string, ids = new Identities(new Set())): string[] {
  const comparison = new Comparison(ids, master);
  comparison.values(parseJson(recorded), parseJson(live), 'body');
  return comparison.differences.map(({ path, problem }) => `${path}: ${problem}`);
}

describe('an answer', () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

  test('is taken apart into its chunks, however its bytes arrive', () => {
    const bytes = Buffer.from(`${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`);
    const answer = new HttpAnswer(false);
    for (const byte of bytes) answer.push(Buffer.of(byte));
    assert.deepEqual(answer.chunks.map(String), ['abc', 'de']);
    assert.equal(answer.ending, 'last-chunk');
  });

  test('leaves what follows it to the next one', () => {
    const answer = new HttpAnswer(false);
    const rest = answer.push(Buffer.from('HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\nxHTTP/1.1'));
    assert.equal(String(rest), 'HTTP/1.1');
    assert.equal(String(answer.body), 'x');
  });
});

describe('a comparison', () => {
  test('tells an integer from a float, and one key, type or value from another', () => {
    assert.deepEqual(differences('{"a":1.0,"b":[1],"c":"x"}', '{"a":1,"b":{},"d":"x"}'), [
      'body.a: 1 instead of 1.0',
      'body.b: an object instead of an array',
      'body.c: is missing',
      'body.d: is extra',
    ]);
  });

  test('lets times and machines be others', () => {
    assert.deepEqual(differences('{"start_time":1.5,"hostname":"a"}', '{"start_time":2.5,"hostname":"b"}'), []);
    assert.deepEqual(differences('{"start_time":1.5}', '{"start_time":"x"}'), [
      'body.start_time: a string instead of a number',
    ]);
  });

  test('learns which id stands for which, and holds on to it', () => {
    const ids = new Identities(new Set());
    const [old, live, other] = ['1', '2', '3'].map((digit) => `${digit.repeat(8)}-0000-4000-8000-${digit.repeat(12)}`);
    assert.deepEqual(differences(`{"id":"${old}-S0"}`, `{"id":"${live}-S0"}`, ids), []);
    assert.equal(ids.translate(`GET /${old}-S0`), `GET /${live}-S0`);
    assert.equal(differences(`{"id":"${old}-S0"}`, `{"id":"${other}-S0"}`, ids).length, 1);
  });

  test('pairs the elements of an array by their names', () => {
    assert.deepEqual(differences('[{"name":"a","x":1},{"name":"b"}]', '[{"name":"b"},{"name":"a","x":2}]'), [
      'body[a].x: 2 instead of 1',
    ]);
  });
});

describe('the offers of a framework', () => {
  const offer = (id: string, cpus: number) =>
    parseJson(
      JSON.stringify({
        id: { value: id },
        agent_id: { value: 'agent' },
        allocation_info: { role: 'r' },
        resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: cpus } }],
      }),
    );

  test('hold within one what was recorded as two', () => {
    const book = new OfferBook();
    book.add(offer('live', 2));
    assert.ok(book.match(offer('one', 1.5), 'agent', true));
    assert.equal(book.match(offer('another', 0.5), 'agent', true), undefined);
    assert.ok(book.holds(offer('another', 0.5), 'agent'));
    assert.ok(!book.holds(offer('another', 0.6), 'agent'));
    assert.ok(!book.holds(offer('another', 0.5), 'other agent'));
  });

  test('hold nothing that was spent', () => {
    const book = new OfferBook();
    book.add(offer('live', 2));
    book.match(offer('one', 1.5), 'agent', true);
    book.spend(['live']);
    assert.ok(!book.holds(offer('another', 0.5), 'agent'));
  });
});
