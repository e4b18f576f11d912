import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCanonicalBase64 } from '../../../protocol/base64.ts';
import { decodeJson, encodeJson } from '../../../protocol/json-codec.ts';
import type { Messages } from '../../../protocol/messages.ts';

function decoded<Name extends keyof Messages>(type: Name, input: unknown): Messages[Name] {
  const result = decodeJson(type, input);
  assert.ok(result.ok, result.ok ? '' : result.error);
  return result.value;
}

function error(type: keyof Messages, input: unknown): string {
  const result = decodeJson(type, input);
  assert.ok(!result.ok);
  return result.error;
}

const frameworkInfo = (members: string) =>
  `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"v",${members}}}}`;

// Texts as a real master answered them, after its `Failed to …: `.
const refusals: [input: string, error: string][] = [
  ['', 'syntax error at line 1 near: '],
  ['{', 'syntax error at line 1 near: '],
  ['hello', 'syntax error at line 1 near: hello'],
  ['\b\u0001', 'syntax error at line 1 near: '],
  ['hel\nlo', 'syntax error at line 1 near: hel'],
  ['{}xx', 'Parsed JSON included non-whitespace trailing characters: xx'],
  ['[]', 'Expecting a JSON object'],
  ['null', 'Expecting a JSON object'],
  ['"x"', 'Expecting a JSON object'],
  ['{"type":1}', "Not expecting a JSON number for field 'type'"],
  ['{"type":["SUBSCRIBE"]}', "Not expecting a JSON array for field 'type'"],
  ['{"type":"REVIVE","framework_id":"nope"}', "Not expecting a JSON string for field 'framework_id'"],
  ['{"type":"REVIVE","framework_id":{}}', 'Missing required fields: framework_id.value'],
  ['{"acknowledge":{}}', 'Missing required fields: acknowledge.agent_id, acknowledge.task_id, acknowledge.uuid'],
  [
    '{"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"!!!"}}',
    "Failed to base64 decode bytes field 'uuid': Invalid character '!'",
  ],
  ['{"decline":{"filters":{"refuse_seconds":true}}}', "Not expecting a JSON boolean for field 'refuse_seconds'"],
  [
    '{"decline":{"filters":{"refuse_seconds":"abc"}}}',
    "Failed to parse 'abc' as a JSON number for field 'refuse_seconds': syntax error at line 1 near: abc",
  ],
  [
    frameworkInfo('"failover_timeout":"NaN"'),
    "Failed to parse 'NaN' as a JSON number for field 'failover_timeout': syntax error at line 1 near: NaN",
  ],
  [frameworkInfo('"checkpoint":1'), "Not expecting a JSON number for field 'checkpoint'"],
  [frameworkInfo('"user":1'), "Not expecting a JSON number for field 'user'"],
  [
    frameworkInfo('"labels":{"labels":[{"value":"x"}]}'),
    'Missing required fields: subscribe.framework_info.labels.labels[0].key',
  ],
];

for (const [input, expected] of refusals) {
  test(`a call ${input || 'without text'} is refused as Mesos refuses it`, () => {
    assert.equal(error('SchedulerCall', input), expected);
  });
}

test('an unknown name of a required enum is refused', () => {
  const status = '{"task_id":{"value":"t"},"state":"TASK_FOO"}';
  assert.equal(error('TaskStatus', status), "Failed to find enum for 'TASK_FOO'");
});

test('the stage of an error tells broken JSON from JSON that does not fit', () => {
  assert.deepEqual(decodeJson('SchedulerCall', 'x'), {
    ok: false,
    error: 'syntax error at line 1 near: x',
    stage: 'syntax',
  });
  assert.deepEqual(decodeJson('SchedulerCall', '1'), {
    ok: false,
    error: 'Expecting a JSON object',
    stage: 'conversion',
  });
});

test('null is unset, in messages, lists and maps', () => {
  const input =
    '{"user":"u","name":"n","id":null,"roles":["a",null],"labels":null,"capabilities":null,"offer_filters":{"r":null}}';
  const { user, name, id, roles, labels, capabilities, offer_filters } = decoded('FrameworkInfo', input);
  assert.deepEqual({ user, name, roles, offer_filters }, { user: 'u', name: 'n', roles: ['a'], offer_filters: {} });
  assert.deepEqual([id, labels, capabilities], [undefined, undefined, undefined]);
  assert.equal(error('FrameworkInfo', '{"user":null,"name":"n"}'), 'Missing required fields: user');
});

test('a single value is taken for a list, an array not for a single value', () => {
  assert.deepEqual(decoded('SchedulerCallDecline', '{"offer_ids":{"value":"o"}}'), { offer_ids: [{ value: 'o' }] });
  assert.deepEqual(decoded('FrameworkInfo', '{"user":"u","name":"n","roles":"a"}').roles, ['a']);
  assert.match(error('FrameworkInfo', '{"user":["u"],"name":"n"}'), /JSON array for field 'user'/);
});

test('numbers and booleans may stand in strings', () => {
  const info = decoded('FrameworkInfo', '{"user":"u","name":"n","failover_timeout":"1e2","checkpoint":"true"}');
  assert.equal(info.failover_timeout, 100);
  assert.equal(info.checkpoint, true);
  assert.equal(decoded('Filters', '{"refuse_seconds":"-Infinity"}').refuse_seconds, Number.NEGATIVE_INFINITY);
  assert.equal(decoded('Address', '{"port":"5050"}').port, 5050);
});

test('numbers that do not fit an integer are cut off or wrap, as casts do', () => {
  assert.equal(decoded('Address', '{"port":1.9}').port, 1);
  assert.equal(decoded('Address', '{"port":4294967297}').port, 1);
  assert.equal(decoded('ValueRange', '{"begin":-1,"end":-1.5}').begin as unknown, 18446744073709551615n);
  assert.match(error('Address', '{"port":"Infinity"}'), /Failed to parse 'Infinity'/);
});

test('unknown fields are dropped at any depth', () => {
  const input = '{"outputfile":"x","type":"KILL","kill":{"task_id":{"value":"t","__proto__":{"a":1}},"slave_id":{}}}';
  assert.deepEqual(decoded('SchedulerCall', input), { type: 'KILL', kill: { task_id: { value: 't' } } });
});

test('unknown names of optional enums are dropped, alone and in lists', () => {
  assert.equal(decoded('SchedulerCall', '{"type":"BOGUS"}').type, undefined);
  const info = decoded(
    'FrameworkInfo',
    '{"user":"u","name":"n","capabilities":[{"type":"NEW"},{"type":"MULTI_ROLE"}]}',
  );
  assert.deepEqual(
    info.capabilities?.map((capability) => capability.type),
    [undefined, 'MULTI_ROLE'],
  );
});

test('of the members of a oneof the last one counts', () => {
  const selector = '{"attribute_name":"a","pseudoattribute_type":"ZONE"}';
  assert.equal(decoded('SchedulerAttributeConstraintSelector', selector).attribute_name, undefined);
});

test('64-bit integers are exact, as numbers and in strings, in both directions', () => {
  for (const digits of ['9007199254740993', '-9223372036854775808', '1470820172046531841', '9223372036854775807']) {
    for (const text of [`{"nanoseconds":${digits}}`, `{"nanoseconds":"${digits}"}`, `{"nanoseconds": ${digits} }`]) {
      assert.equal(encodeJson('TimeInfo', decoded('TimeInfo', text)), `{"nanoseconds":${digits}}`);
    }
  }
  assert.equal(decoded('TimeInfo', '{"nanoseconds":9007199254740991}').nanoseconds, Number.MAX_SAFE_INTEGER);
  assert.equal(encodeJson('TimeInfo', { nanoseconds: 2 ** 62 }), '{"nanoseconds":4611686018427387904}');
});

test('digits in a text that holds large integers elsewhere stay text', () => {
  const text = '{"begin":18446744073709551615,"end":1,"note":"begin\\":18446744073709551615,"}';
  assert.equal(encodeJson('ValueRange', decoded('ValueRange', text)), '{"begin":18446744073709551615,"end":1}');
});

test('base64 may lack padding and hold white space; in memory it is canonical', () => {
  const data = (text: string) => decoded('UUID', JSON.stringify({ value: text })).value;
  for (const text of ['QQ==', 'QQ', 'Q Q\n==', 'QR==', 'QQ=']) assert.equal(data(text), 'QQ==', text);
  assert.equal(data(''), '');
  assert.match(error('UUID', '{"value":"QQ==QQ=="}'), /Invalid character '='/);
  assert.match(error('UUID', '{"value":"QQ-_"}'), /Invalid character '-'/);
});

test('every encoding of bytes is canonical base64, and nothing shorter or longer is', () => {
  for (let length = 0; length < 40; length++) {
    const text = Buffer.alloc(length, 0xa7).toString('base64');
    assert.equal(isCanonicalBase64(text), true);
    if (length % 3 !== 0) assert.equal(isCanonicalBase64(text.slice(0, -1)), false);
    assert.equal(isCanonicalBase64(`${text}A`), false);
  }
});

test('explicit defaults are written out, deprecated ones are not', () => {
  assert.equal(encodeJson('Filters', {}), '{"refuse_seconds":5.0}');
  assert.equal(encodeJson('CommandInfo', {}), '{"shell":true}');
  assert.equal(
    encodeJson('ContainerInfoDockerInfo', { image: 'i' }),
    '{"image":"i","network":"HOST","privileged":false}',
  );
  assert.equal(
    encodeJson('FrameworkInfo', { user: 'u', name: 'n' }),
    '{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false}',
  );
});

test('doubles keep a fraction, and what is not finite is a bare word', () => {
  const double = (value: number) => encodeJson('ValueScalar', { value });
  assert.equal(double(15), '{"value":15.0}');
  assert.equal(double(-0), '{"value":-0.0}');
  assert.equal(double(0.1), '{"value":0.1}');
  assert.equal(double(1e20), '{"value":100000000000000000000.0}');
  assert.equal(double(1e21), '{"value":1e21}');
  assert.equal(double(1e-7), '{"value":1e-7}');
  assert.equal(double(Number.NEGATIVE_INFINITY), '{"value":-Infinity}');
  assert.equal(double(Number.NaN), '{"value":NaN}');
});

test('output is ASCII on one line', () => {
  const text = encodeJson('Label', { key: 'é😀\x7f"\\\n\u2028', value: '' });
  assert.equal(text, '{"key":"\\u00e9\\ud83d\\ude00\\u007f\\"\\\\\\n\\u2028","value":""}');
  assert.equal(decoded('Label', text).key, 'é😀\x7f"\\\n\u2028');
});

test('empty lists and maps are left out, empty messages are not', () => {
  const info = { user: 'u', name: 'n', roles: [], offer_filters: {}, labels: {} };
  assert.equal(
    encodeJson('FrameworkInfo', info),
    '{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false,"labels":{}}',
  );
  assert.equal(encodeJson('MasterResponseGetTasks', { tasks: [] }), '{"tasks":[]}');
});

test('a message without a required field is not encoded', () => {
  const info = { user: 'u' } as Messages['FrameworkInfo'];
  assert.throws(() => encodeJson('FrameworkInfo', info), {
    code: 'MESITA_MESSAGE_INVALID',
    message: /Missing required fields: name/,
  });
});

test('absurd nesting, digits and lists end in an error and not in a crash', () => {
  const parents = 100_000;
  assert.match(
    error('ContainerID', `${'{"value":"a","parent":'.repeat(parents)}{"value":"a"}${'}'.repeat(parents)}`),
    /100 deep/,
  );
  assert.match(error('TimeInfo', `{"nanoseconds":1${'0'.repeat(100_000)}}`), /Not expecting Infinity/);
  assert.match(
    error('TimeInfo', `{"nanoseconds":99999999999999999,"x":${'['.repeat(parents)}${']'.repeat(parents)}}`),
    /deep/,
  );
  const faulty = `{"offer_ids":[${'{},'.repeat(10_000)}{}]}`;
  assert.ok(error('SchedulerCallDecline', faulty).length < 3000);
});

test('an object is no number, whatever it says of itself', () => {
  for (const object of ['{"toString":5}', '{"valueOf":null,"toString":{}}', '{"__proto__":null}']) {
    const text = `{"set_logging_level":{"level":${object},"duration":{"nanoseconds":9223372036854775807}}}`;
    assert.equal(error('MasterCall', text), "Not expecting a JSON object for field 'level'");
  }
  const level = { level: 9223372036854775808n, duration: { nanoseconds: 1 } };
  assert.ok(decodeJson('MasterCall', { set_logging_level: level }).ok);
});
