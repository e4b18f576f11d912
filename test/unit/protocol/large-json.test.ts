import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeJson } from '../../../protocol/json-codec.ts';
import { decodeJsonInPieces } from '../../../protocol/large-json.ts';

const tasks = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    task_id: { value: `tâche "${index}" \\ ] } , [` },
    agent_id: { value: 'a-\u{1f980}' },
  }));
const reconcile = (list: unknown[]) => ({
  framework_id: { value: 'f' },
  type: 'RECONCILE',
  reconcile: { tasks: list },
});

function inPieces(text: string) {
  const work = decodeJsonInPieces('SchedulerCall', Buffer.from(text));
  let pieces = 0;
  for (let step = work.next(); ; step = work.next(), pieces++)
    if (step.done === true) return { pieces, value: step.value };
}

function atOnce(text: string) {
  const decoded = decodeJson('SchedulerCall', text);
  return decoded.ok ? decoded.value : undefined;
}

describe('a large JSON text decoded in pieces', () => {
  test('becomes the message that it becomes at once', () => {
    for (const text of [
      JSON.stringify(reconcile(tasks(5_000))),
      JSON.stringify(reconcile(tasks(5_000)), undefined, 2),
      JSON.stringify({
        type: 'RECONCILE',
        unknown: [[1], 2],
        framework_id: { value: ['f'][0] },
        reconcile: { tasks: tasks(3_000) },
      }),
      JSON.stringify({
        type: 'DECLINE',
        framework_id: { value: 'f' },
        decline: { offer_ids: tasks(9_000).map(({ agent_id }) => agent_id), filters: {} },
      }),
    ]) {
      const { pieces, value } = inPieces(text);
      assert.ok(pieces > 2);
      assert.ok(value !== undefined);
      assert.deepEqual(value, atOnce(text));
    }
  });

  test('leaves short lists, and lists far down, in one piece', () => {
    const text = JSON.stringify(reconcile(tasks(3)));
    assert.deepEqual(inPieces(text), { pieces: 0, value: atOnce(text) });
    const accept = {
      type: 'ACCEPT',
      framework_id: { value: 'f' },
      accept: { offer_ids: [], operations: [{ type: 'UNKNOWN', unknown: tasks(3_000) }] },
    };
    assert.deepEqual(inPieces(JSON.stringify(accept)), { pieces: 0, value: atOnce(JSON.stringify(accept)) });
  });

  test('is left to be decoded at once where something is wrong or unusual', () => {
    const good = JSON.stringify(reconcile(tasks(3_000)));
    const list = good.slice(good.indexOf('['), good.lastIndexOf(']') + 1);
    const wrong = [
      good.slice(0, -2),
      `${good}x`,
      good.replace(/]}}$/, ',]}}'),
      good.replace(/]}}$/, '}}}'),
      good.replace('},{', '},,{'),
      good.replace('},{', '},7,{'),
      good.replace('},{', '},{},{'),
      good.replace('tâche', '\\ud800'),
      good.replace(/"tâche[^}]*/, '17'),
      good.replace(/}}$/, ',"tasks":[]}}'),
      good.replace(/}}$/, '},"reconcile":{}}'),
      good.replace(/}$/, `,"reconcile":{"tasks":{"x":1}}}`),
      good.replace('"tasks"', '"other"'),
      good.replace('"reconcile"', '"__proto__"'),
      list,
    ];
    for (const [index, text] of wrong.entries()) assert.ok(inPieces(text).value === undefined, `text ${index}`);
  });

  test('takes the last of two lists of one name, as JSON does', () => {
    const [first, last] = [tasks(2_500), tasks(3_500)].map((list) => JSON.stringify(list));
    const text = `{"type":"RECONCILE","framework_id":{"value":"f"},"reconcile":{"tasks":${first},"tasks":${last}}}`;
    const { value } = inPieces(text);
    assert.ok(value === undefined || value.reconcile?.tasks?.length === 3_500);
  });

  test('never becomes anything else, whichever bytes of it are changed', () => {
    const bytes = Buffer.from(JSON.stringify(reconcile(tasks(1_500))));
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.constantFrom(...'[]{},:"\\ 0x') });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const text = Buffer.from(bytes);
        for (const { at, to } of changes) text[at] = to.charCodeAt(0);
        const { value } = inPieces(text.toString());
        if (value !== undefined) assert.deepEqual(value, atOnce(text.toString()));
      }),
      { numRuns: 60 },
    );
  });
});
