import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { commandTask, taskInfo } from '../support/executor-room.ts';
import { ScriptedAgent } from '../support/scripted-agent.ts';
import { isAlive } from '../support/task-room.ts';
import { until } from '../support/virtual-clock.ts';

const checkout = join(import.meta.dirname, '../..');

interface Program {
  child: ChildProcess;
  sandbox: string;
  stderr: () => string;
  ended: Promise<number | null>;
}

/** A file of the checkout, run as an agent would run it; it ends with the test at the latest. */
function start(t: TestContext, file: string, variables: (sandbox: string) => Record<string, string>): Program {
  const sandbox = mkdtempSync(join(tmpdir(), 'mesita-executor-'));
  const env = { PATH: process.env.PATH ?? '', ...variables(sandbox) };
  const child = spawn(process.execPath, [join(checkout, file)], {
    cwd: sandbox,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (data: Buffer) => {
    stderr += data;
  });
  const ended = once(child, 'close').then(([code]): number | null => code);
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(sandbox, { recursive: true, force: true });
  });
  return { child, sandbox, stderr: () => stderr, ended };
}

test('docs/executors.md quotes the example word by word', () => {
  const page = readFileSync(join(checkout, 'docs/executors.md'), 'utf8');
  const example = readFileSync(join(checkout, 'executor/primes/primes.ts'), 'utf8');
  assert.ok(page.includes(`\`\`\`ts\n${example}\`\`\``));
});

test('the example counts, can be killed, says what it does not understand, and ends when it shall', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { ended, stderr } = start(t, 'executor/primes/primes.ts', (sandbox) => agent.variables(sandbox));
  const data = (text: string) => ({ data: Buffer.from(text).toString('base64') });
  await until('it is subscribed', () => agent.subscribed);
  agent.launch(taskInfo('short', data('100000')), taskInfo('long', data('1e15')), taskInfo('odd', data('what?')));
  const finished = await agent.hears('short', 'TASK_FINISHED');
  assert.equal(Buffer.from(finished.data ?? '', 'base64').toString(), '9592');
  assert.match((await agent.hears('odd', 'TASK_FAILED')).message ?? '', /number below which/);
  agent.send({ type: 'KILL', kill: { task_id: { value: 'long' } } });
  await agent.hears('long', 'TASK_KILLED');
  agent.send({ type: 'SHUTDOWN' });
  assert.equal(await ended, 0, stderr());
});

test('mesita-executor runs tasks until it is shut down, and leaves no process', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { ended, sandbox, stderr } = start(t, 'executor/main.ts', (directory) => agent.variables(directory));
  await until('it is subscribed', () => agent.subscribed);
  agent.launch(commandTask('short', 'echo hello'), commandTask('long', 'echo $$; sleep 1000; :'));
  await agent.hears('short', 'TASK_FINISHED');
  const output = join(sandbox, 'tasks/long/stdout');
  await until('the other runs', () => existsSync(output) && readFileSync(output, 'utf8') !== '');
  agent.send({ type: 'SHUTDOWN' });
  assert.equal(await ended, 0, stderr());
  assert.equal((await agent.hears('long', 'TASK_KILLED')).message, 'Command terminated with signal Terminated');
  assert.ok(!isAlive(Number(readFileSync(output, 'utf8'))));
});

test('mesita-executor ends its tasks when it is told to by a signal', async (t) => {
  const agent = await ScriptedAgent.open(t);
  const { child, ended } = start(t, 'executor/main.ts', (directory) => agent.variables(directory));
  await until('it is subscribed', () => agent.subscribed);
  agent.launch(commandTask('t', 'sleep 1000'));
  await agent.hears('t', 'TASK_RUNNING');
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
  await agent.hears('t', 'TASK_KILLED');
});

test('mesita-executor says in one sentence what it lacks when no agent has started it', async (t) => {
  const { ended, stderr } = start(t, 'executor/main.ts', () => ({ MESOS_FRAMEWORK_ID: 'F' }));
  assert.equal(await ended, 1);
  assert.match(
    stderr(),
    /^mesita-executor: MESOS_EXECUTOR_ID is not set: no agent has started this \(MESITA_EXECUTOR_ENVIRONMENT\)\n {2}Let an agent/,
  );
});
