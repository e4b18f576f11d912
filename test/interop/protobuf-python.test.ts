import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Messages } from '../../protocol/messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../protocol/protobuf-codec.ts';
import { schema, schemaTableUrl } from '../../protocol/schema.ts';
import { ArbitraryMessages } from '../unit/protocol/arbitrary-message.ts';

// Our protobuf against Google's own implementation in Python, with a schema that it makes from the same table.

const library = 'protobuf==7.36.2';
const script = fileURLToPath(new URL('./protobuf_python.py', import.meta.url));
const samples = 4;

/** A Python that has the library, in a virtual environment of its own; or why there is none. */
function preparePython(directory: string): { python: string } | { missing: string } {
  const python = join(directory, 'bin', 'python3');
  const steps: [command: string, args: string[]][] = [
    ['python3', ['-m', 'venv', directory]],
    [python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', library]],
  ];
  for (const [command, args] of steps) {
    const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
    if (error !== undefined || status !== 0) {
      return { missing: `${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}` };
    }
  }
  return { python };
}

/** What Python's JSON mapping reads: large integers and what JSON numbers cannot say stand in strings. */
function plainJson(message: unknown): unknown {
  const text = JSON.stringify(message, (_key, value: unknown) => {
    if (typeof value === 'bigint' || value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
      return String(value);
    }
    return Object.is(value, -0) ? '-0.0' : value;
  });
  return JSON.parse(text);
}

function generateCases() {
  const messages = new ArbitraryMessages(1);
  return [...schema.messages.values()].flatMap(({ name, fullName }) => {
    const type = name as keyof Messages;
    return fc.sample(messages.of(type), samples).map((message) => ({
      type,
      message,
      bytes: encodeProtobuf(type, message),
      asked: { type: fullName, json: plainJson(message), bytes: encodeProtobuf(type, message).toString('base64') },
    }));
  });
}

test('messages of every type are the same bytes as Python’s protobuf makes, both ways', (t: TestContext) => {
  const directory = mkdtempSync(join(tmpdir(), 'mesita-protobuf-python-'));
  try {
    const prepared = preparePython(directory);
    if ('missing' in prepared) {
      t.skip(`Python with ${library} cannot be had here. ${prepared.missing}`);
      return;
    }
    const cases = generateCases();
    const output = execFileSync(prepared.python, [script, fileURLToPath(schemaTableUrl)], {
      input: JSON.stringify({ cases: cases.map(({ asked }) => asked) }),
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    const results = JSON.parse(output) as { bytes: string; same: boolean }[];
    assert.equal(results.length, cases.length);
    for (const [index, { type, message, bytes }] of cases.entries()) {
      const theirs = Buffer.from(results[index]?.bytes ?? '', 'base64');
      assert.equal(results[index]?.same, true, type);
      assert.deepEqual(decodeProtobuf(type, theirs), { ok: true, value: message }, type);
      assert.deepEqual(bytes, theirs, type);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
