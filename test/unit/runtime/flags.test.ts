import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { agentFlags } from '../../../agent/flags.ts';
import { masterFlags } from '../../../master/flags.ts';
import { boolean, describeFlags, type Flag, integer, parseFlags, text } from '../../../runtime/flags.ts';

const table = {
  work_dir: { form: 'DIRECTORY', help: 'Where.', mesos: true, parse: text },
  port: { form: 'NUMBER', help: 'Which.', default: '5050', mesos: true, parse: integer(0, 65_535) },
  quiet: { form: '', help: 'Hush.', default: 'false', mesos: false, parse: boolean },
} as const satisfies Record<string, Flag<unknown>>;

const parse = (...args: string[]) => parseFlags(table, args, {});
const unknown = (message: string) => ({ code: 'MESITA_FLAG_UNKNOWN', message });
const invalid = (message: RegExp) => ({ code: 'MESITA_FLAG_INVALID', message });

describe('flags', () => {
  test('come as --name=value or --name value, with dashes or underscores', () => {
    for (const args of [['--work_dir=/x'], ['--work-dir=/x'], ['--work_dir', '/x']])
      assert.equal(parse(...args).work_dir, '/x');
    assert.equal(parse('--work_dir=a=b').work_dir, 'a=b');
    assert.equal(parse('--work_dir=').work_dir, '');
    assert.equal(parse('--port=1', '--port=2').port, 2);
    assert.deepEqual(parse(), { port: 5050, quiet: false });
  });

  test('of two values are --name and --no-name', () => {
    for (const [arg, value] of [
      ['--quiet', true],
      ['--no-quiet', false],
      ['--no_quiet', false],
      ['--quiet=true', true],
      ['--quiet=0', false],
    ] as const) {
      assert.equal(parse(arg).quiet, value, arg);
    }
    assert.throws(() => parse('--quiet=maybe'), invalid(/expected true or false/));
    assert.throws(() => parse('--no-port'), unknown('Unknown flag: --no-port.'));
  });

  test('that nobody knows are named, with the one that may be meant', () => {
    assert.throws(() => parse('--workdir=/x'), unknown('Unknown flag: --workdir=/x. Did you mean --work_dir?'));
    assert.throws(() => parse('--prot=1'), unknown('Unknown flag: --prot=1. Did you mean --port?'));
    assert.throws(() => parse('--zzzzzzzz'), unknown('Unknown flag: --zzzzzzzz.'));
    assert.throws(() => parse('port'), /Not a flag: port\. Did you mean --port\?/);
    for (const name of ['--constructor=x', '--__proto__=x', '--toString', '--no-constructor', '--']) {
      assert.throws(() => parse(name), { code: 'MESITA_FLAG_UNKNOWN' }, name);
    }
  });

  test('with bad values say what is expected', () => {
    for (const port of ['x', '-1', '65536', '1.5', ''])
      assert.throws(() => parse(`--port=${port}`), invalid(/expected a whole number from 0 to 65535/), port);
    assert.throws(() => parse('--port'), invalid(/--port needs a value: --port=NUMBER/));
    assert.throws(() => parseFlags(agentFlags, [], {}), invalid(/--master=HOST:PORT is required/));
  });

  test('come from MESITA_NAME, then MESOS_NAME where Mesos has the flag; the command line comes first', () => {
    const environment = {
      MESITA_PORT: '1',
      MESOS_PORT: '2',
      MESOS_WORK_DIR: '/mesos',
      MESOS_QUIET: 'true',
      MESOS_NOBODY: 'x',
    };
    assert.deepEqual(parseFlags(table, [], environment), { port: 1, work_dir: '/mesos', quiet: false });
    assert.equal(parseFlags(table, ['--port=3'], environment).port, 3);
    assert.throws(() => parseFlags(table, [], { MESITA_PORT: 'x' }), invalid(/MESITA_PORT|--port=x/));
  });

  test('may be read from a file', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-flags-'));
    t.after(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'port'), '7\n');
    assert.equal(parse(`--port=file://${directory}/port`).port, 7);
    assert.throws(() => parse(`--port=file://${directory}/nope`), invalid(/cannot read the file/));
  });

  test('of master and agent have valid defaults, and help of their own', () => {
    for (const flags of [masterFlags, agentFlags]) {
      for (const [name, flag] of Object.entries(flags) as [string, Flag<unknown>][]) {
        if (flag.default !== undefined) assert.ok('value' in flag.parse(flag.default), name);
        assert.match(describeFlags(flags), new RegExp(`--(\\[no-\\])?${name}\\b`));
      }
    }
  });
});
