import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import type { MesitaProcess } from '../support/mesita-process.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;
const main = resolve(import.meta.dirname, '../../cli/main.ts');

describe('mesita exec', { timeout: patience }, () => {
  let cluster: Cluster;
  let task: MesitaProcess;

  before(async () => {
    cluster = await Cluster.start();
    task = await cluster.running('host', 'sleep 1000');
  });
  after(async () => {
    await task?.end('SIGINT');
    await cluster?.settled();
    await cluster?.close();
  });
  afterEach(() => assert.equal(task.over, false));

  const exec = (...args: string[]) => ['exec', `--master=${cluster.address}`, ...args];

  /** Runs words in a shell with `node` and `main` at hand. */
  function shell(script: string, words: string[], input: string) {
    const child = spawn('sh', ['-c', script, 'sh', process.execPath, main, ...words], { stdio: 'pipe' });
    const written = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      written.stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      written.stderr += String(chunk);
    });
    const code = new Promise<number | null>((done) => child.once('close', done));
    child.stdin.write(input);
    return { child, written, code };
  }

  it('runs a command beside the task, keeps its outputs apart, and exits with its code', async () => {
    const words = ['sh', '-c', 'echo "$MESOS_SANDBOX"; pwd; echo err >&2; exit 7'];
    const { code, stdout, stderr } = await cluster.spawn(['exec', 'host', ...words]).outcome;
    assert.deepEqual([code, stdout, stderr], [7, '/mnt/mesos/sandbox\n/mnt/mesos/sandbox\n', 'err\n']);
  });

  it('pipes input to the end of it', async () => {
    const { child, written, code } = shell('"$@"', exec('-i', 'host', 'wc', '-c'), 'x'.repeat(500_000));
    child.stdin.end();
    assert.deepEqual([await code, written.stdout.trim(), written.stderr], [0, '500000', '']);
  });

  it('brings much output whole, also to a reader that is slow', async () => {
    const write = ['host', 'head', '-c', '60000000', '/dev/zero'];
    const slow = '"$@" | { sleep 2; wc -c; }';
    const { child, written, code } = shell(slow, exec(...write), '');
    child.stdin.end();
    assert.deepEqual([await code, written.stdout.trim(), written.stderr], [0, '60000000', '']);
  });

  it('gives a real terminal: size, resize, Ctrl-C, end of input, exit code', async () => {
    // script(1) has the terminal; the shell in it sets its size, as a window does.
    const command = exec('-it', 'host', 'sh')
      .map((word) => `'${word}'`)
      .join(' ');
    const inner = `stty rows 31 cols 97; tty > "$T"; ${process.execPath} ${main} ${command}`;
    const file = `${cluster.directory}/tty`;
    const script = `export T='${file}'; exec script -qec "$INNER" /dev/null`;
    const child = spawn('sh', ['-c', `INNER='${inner.replaceAll("'", "'\\''")}'; ${script}`], { stdio: 'pipe' });
    const code = new Promise<number | null>((done) => child.once('close', done));
    let screen = '';
    child.stdout.on('data', (chunk) => {
      screen += String(chunk);
    });
    const sees = (words: RegExp) =>
      eventually(`the terminal shows ${words}`, () => words.exec(screen) ?? undefined).catch(() =>
        assert.match(screen, words),
      );
    await sees(/[#$] /);
    child.stdin.write('echo "at: $(stty size)"; tty\n');
    await sees(/at: 31 97\r*\n\/dev\/pts\/\d+/);
    spawn('sh', ['-c', `stty rows 40 cols 111 < "$(cat '${file}')"`]);
    await eventually('the new size', () => {
      child.stdin.write('echo "now: $(stty size)"\n');
      return /now: 40 111/.exec(screen) ?? undefined;
    });
    child.stdin.write('sleep 1000; echo "slept: $?"\n');
    await sees(/slept: \$\?/);
    await eventually('the end of the sleep', () => {
      child.stdin.write('\x03echo "after: $((40+2))"\n');
      return /after: 42/.exec(screen) ?? undefined;
    });
    child.stdin.write('exit 9\n');
    assert.equal(await code, 9, screen);
  });

  it('kills the command when it is interrupted itself', async () => {
    const left = async () => (await cluster.spawn(['exec', 'host', 'ps']).outcome).stdout.includes('sleep 4711');
    const run = cluster.spawn(['exec', 'host', 'sh', '-c', 'echo up; sleep 4711; true']);
    await run.says(/up/, 'stdout');
    assert.equal(await left(), true);
    assert.equal((await run.end('SIGINT')).code, 130);
    for (let tries = 0; (await left()) && tries < 20; tries += 1);
    assert.equal(await left(), false);
  });

  it('ends with the task', async () => {
    const doomed = await cluster.running('doomed', 'sleep 1000');
    const run = cluster.spawn(['exec', 'doomed', 'sh', '-c', 'echo up; sleep 1000']);
    await run.says(/up/, 'stdout');
    await doomed.end('SIGINT');
    assert.equal((await run.outcome).code, 137);
    const { code, stderr } = await cluster.spawn(['exec', 'doomed', 'true']).outcome;
    assert.equal(code, 1);
    assert.match(stderr, /does not run: it is TASK_KILLED/);
  });

  it('says what it cannot do', async () => {
    const unknown = await cluster.spawn(['exec', 'nobody', 'true']).outcome;
    assert.deepEqual([unknown.code, /MESITA_NOT_FOUND/.test(unknown.stderr)], [1, true]);
    const missing = await cluster.spawn(['exec', 'host', '/no/such/thing']).outcome;
    assert.equal(missing.code, 126, missing.stderr);
  });
});
