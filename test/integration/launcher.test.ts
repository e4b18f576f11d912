import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

const checkout = resolve(import.meta.dirname, '../..');

/** An npm that notes its calls, takes a moment, and makes what the real one would; it fails as long as the file `broken` is there. */
const fakeNpm = `#!/bin/sh
echo "$1" >>"$FAKE/calls"
sleep "\${FAKE_SECONDS:-0.1}"
if [ -e "$FAKE/broken" ]; then echo 'npm error the registry is on fire'; exit 1; fi
case $1 in
  ci) rm -rf "$3/node_modules"; mkdir -p "$3/node_modules"; touch "$3/node_modules/whole" ;;
  install)
    case "$*" in
      *node-linux-*) mkdir -p "$3/node_modules/\${7%@*}/bin"; ln -s "$REAL_NODE" "$3/node_modules/\${7%@*}/bin/node" ;;
    esac ;;
esac
`;

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

interface Ending {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe('the launcher', () => {
  let folder: string;
  let copy: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mesita-test-'));
    copy = join(folder, 'check out');
    mkdirSync(join(copy, 'cli'), { recursive: true });
    for (const name of ['mesita', '.node-version']) copyFileSync(join(checkout, name), join(copy, name));
    writeFileSync(join(copy, 'package-lock.json'), '{}');
    writeFileSync(
      join(copy, 'cli/main.ts'),
      'const words: string[] = process.argv.slice(2); console.log(process.cwd(), words);',
    );
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/npm'), fakeNpm);
    chmodSync(join(folder, 'bin/npm'), 0o755);
  });
  afterEach(async () => {
    // A killed launcher's npm lives on, in its process group.
    for (const { pid } of children.splice(0)) endGroup(pid);
    rmSync(folder, { recursive: true, force: true });
  });

  function start(
    args: string[] = [],
    { command = join(copy, 'mesita'), seconds = '0.1', path = `${folder}/bin:/usr/bin:/bin` } = {},
  ) {
    const env = { PATH: path, HOME: folder, FAKE: folder, FAKE_SECONDS: seconds, REAL_NODE: process.execPath };
    const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    children.push(child);
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk;
    });
    const ended = new Promise<Ending>((done) => child.once('close', (code) => done({ code, ...output })));
    return { child, ended, output };
  }

  const calls = () =>
    existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [];

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((done) => setTimeout(done, 10));
  }

  it('brings Node and the dependencies once, and passes arguments and directory on', async () => {
    const first = await start(['a', 'b c']).ended;
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, `${folder} [ 'a', 'b c' ]\n`);
    const asked = calls();
    const second = await start(['a']).ended;
    assert.deepEqual([second.code, second.stderr], [0, '']);
    assert.deepEqual(calls(), asked);
    assert.equal(asked.at(-1), 'ci');
  });

  it('works through a chain of symbolic links', async () => {
    symlinkSync(join(copy, 'mesita'), join(folder, 'one'));
    mkdirSync(join(folder, 'links'));
    symlinkSync('../one', join(folder, 'links/two'));
    const { code, stderr } = await start([], { command: join(folder, 'links/two') }).ended;
    assert.equal(code, 0, stderr);
  });

  it('installs the dependencies again when the lock file has changed', async () => {
    await start().ended;
    writeFileSync(join(copy, 'package-lock.json'), '{ "changed": true }');
    assert.equal((await start().ended).code, 0);
    assert.equal(calls().at(-1), 'install');
    const count = calls().length;
    await start().ended;
    assert.equal(calls().length, count);
  });

  it('that fails to install says why, and does it again the next time', async () => {
    writeFileSync(join(folder, 'broken'), '');
    const failed = await start().ended;
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /on fire/);
    rmSync(join(folder, 'broken'));
    const { code, stderr } = await start().ended;
    assert.equal(code, 0, stderr);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    it(`that is ended by ${signal} while it installs leaves nothing that the next one trips over`, async () => {
      const { child, ended } = start([], { seconds: '1' });
      await until(() => calls().length > 0);
      child.kill(signal);
      const { code } = await ended;
      assert.notEqual(code, 0);
      if (signal !== 'SIGKILL') assert.deepEqual(leftovers(), []);
      const next = await start().ended;
      assert.equal(next.code, 0, next.stderr);
      // An installer whose launcher was killed goes on for a while, and may write what the next installation removes.
      assert.deepEqual(signal === 'SIGKILL' ? leftovers().filter((name) => name !== 'tmp') : leftovers(), []);
    });
  }

  /** What is in .mesita and no part of a finished installation. */
  function leftovers(): string[] {
    return readdirSync(join(copy, '.mesita')).filter((name) => !/^(node-.*|npm\.log|compile-cache)$/.test(name));
  }

  it('is as good as one when several run at the same time', async () => {
    const runs = [1, 2, 3, 4].map(() => start([], { seconds: '0.5' }).ended);
    for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, stderr);
    assert.equal(calls().filter((call) => call === 'ci').length, 1);
  });

  it('without npm says in one line what to do', async () => {
    // Everything that the script itself calls, and no npm.
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    for (const name of ['cat', 'cmp', 'cp', 'ln', 'mkdir', 'mv', 'readlink', 'rm', 'sh', 'sleep', 'tail', 'uname']) {
      symlinkSync(existsSync(`/usr/bin/${name}`) ? `/usr/bin/${name}` : `/bin/${name}`, join(tools, name));
    }
    const { code, stderr } = await start([], { path: tools }).ended;
    assert.equal(code, 1);
    assert.match(stderr, /^mesita: npm is missing.*\n$/);
  });
});
