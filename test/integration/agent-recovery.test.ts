import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { outcome, RecoveryRoom, terminals } from '../support/recovery-room.ts';

test('tasks go on when their agent is killed, and end as they end, also if that was meanwhile', async (t) => {
  const room = await RecoveryRoom.open(t);
  const id = await room.start();
  const scheduler = await room.schedule(t);
  for (const [name, code] of [
    ['later', 7],
    ['meanwhile', 3],
    ['well', 0],
  ] as const) {
    await scheduler.launch({ name, command: { value: room.until(name, `echo bye; exit ${code}`) } });
    await scheduler.update(name, 'TASK_RUNNING');
  }
  await room.kill();
  await writeFile(join(room.marks, 'meanwhile'), '');
  await writeFile(join(room.marks, 'well'), '');
  assert.equal(await room.start(), id);
  const meanwhile = await outcome(scheduler, 'meanwhile');
  assert.deepEqual([meanwhile.state, meanwhile.message], ['TASK_FAILED', 'Command exited with status 3']);
  assert.equal((await outcome(scheduler, 'well')).state, 'TASK_FINISHED');
  assert.deepEqual(scheduler.statesOf('later'), ['TASK_STARTING', 'TASK_RUNNING']);
  await writeFile(join(room.marks, 'later'), '');
  const later = await outcome(scheduler, 'later');
  assert.deepEqual([later.state, later.message], ['TASK_FAILED', 'Command exited with status 7']);
  for (const name of ['later', 'meanwhile', 'well']) {
    assert.equal((await readFile(join(room.marks, `${name}.began`), 'utf8')).trim().split('\n').length, 1);
    assert.equal(terminals(scheduler, name).length, 1);
  }
});

test('SIGTERM leaves the tasks to the next start, and says how many; SIGUSR1 ends them', async (t) => {
  const room = await RecoveryRoom.open(t);
  await room.start();
  const scheduler = await room.schedule(t);
  await scheduler.launch({ name: 'one', command: { value: room.until('one') } });
  await scheduler.update('one', 'TASK_RUNNING');
  const { code, stderr } = await room.agent.end('SIGTERM');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /"tasks":1,.*tasks are left running/);
  await room.start();
  assert.deepEqual(scheduler.statesOf('one'), ['TASK_STARTING', 'TASK_RUNNING']);
  await room.agent.end('SIGUSR1');
  await scheduler.update('one', 'TASK_KILLED');
  await room.start();
  assert.equal(terminals(scheduler, 'one').length, 1);
});

test('what was being fetched is fetched again', async (t) => {
  const room = await RecoveryRoom.open(t);
  let stalls = true;
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': '5' });
    if (stalls) response.write('he');
    else response.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const requested = once(server, 'request');
  await room.start();
  const scheduler = await room.schedule(t);
  const uris = [{ value: `http://127.0.0.1:${port}/greeting`, cache: false }];
  const command = { value: `echo once >> ${room.marks}/ran; test "$(cat greeting)" = hello`, uris };
  await scheduler.launch({ name: 'fetched', command });
  await requested;
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await room.agent.end(signal);
    assert.equal(existsSync(join(room.marks, 'ran')), false);
    if (signal === 'SIGTERM') stalls = false;
    await room.start();
  }
  assert.equal((await outcome(scheduler, 'fetched')).state, 'TASK_FINISHED');
  assert.equal(await readFile(join(room.marks, 'ran'), 'utf8'), 'once\n');
});

test('a kill goes on after a restart, with what is left of its grace', async (t) => {
  const room = await RecoveryRoom.open(t);
  await room.start();
  const scheduler = await room.schedule(t);
  const command = { value: `trap '' TERM; ${room.until('never')}` };
  const kill_policy = { grace_period: { nanoseconds: 1_500_000_000 } };
  await scheduler.launch({ name: 'stubborn', command, kill_policy });
  await scheduler.update('stubborn', 'TASK_RUNNING');
  await eventually('it runs', () => existsSync(join(room.marks, 'never.began')));
  await scheduler.driver.kill('stubborn');
  await new Promise((resolve) => setTimeout(resolve, 200));
  await room.kill();
  await room.start();
  assert.equal((await outcome(scheduler, 'stubborn')).state, 'TASK_KILLED');
});

test('other attributes and more resources are welcome; too little for what runs is not', async (t) => {
  const room = await RecoveryRoom.open(t);
  await room.start(['--attributes=rack:r1']);
  const scheduler = await room.schedule(t);
  await scheduler.launch({ name: 'one', command: { value: room.until('one') } });
  await scheduler.update('one', 'TASK_RUNNING');
  await room.kill();
  await room.start(['--attributes=rack:r2', '--resources=cpus:16;mem:8192;disk:1000;ports:[];gpus:0']);
  await room.agent.end('SIGTERM');
  const small = await room.spawn(['--resources=cpus:0.01;mem:8192;disk:1000;ports:[];gpus:0']).outcome;
  assert.notEqual(small.code, 0);
  assert.match(small.stderr, /MESITA_CHECKPOINT_INCOMPATIBLE/);
  const strict = await room.spawn(['--attributes=rack:r3', '--reconfiguration_policy=equal']).outcome;
  assert.match(strict.stderr, /MESITA_CHECKPOINT_INCOMPATIBLE/);
  await room.start();
  await writeFile(join(room.marks, 'one'), '');
  assert.equal((await outcome(scheduler, 'one')).state, 'TASK_FINISHED');
});

test('killed again and again while it launches and ends tasks, it loses none and runs none twice', async (t) => {
  const room = await RecoveryRoom.open(t);
  await room.start();
  const scheduler = await room.schedule(t);
  const names = Array.from({ length: 40 }, (_, index) => `t${index}`);
  const launching = (async () => {
    for (const [index, name] of names.entries()) {
      const value = `echo $$ >> ${room.marks}/${name}; sleep 0.${index % 10}; exit ${index % 3}`;
      await scheduler.launch({ name, command: { value } });
    }
  })();
  for (const pause of [300, 700, 150, 500]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    await room.kill();
    await room.start();
  }
  await launching;
  for (const name of names) await outcome(scheduler, name);
  for (const [index, name] of names.entries()) {
    const [status, ...more] = terminals(scheduler, name);
    assert.deepEqual(more, []);
    const runs = await readFile(join(room.marks, name), 'utf8').catch(() => '');
    const expected = index % 3 === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
    // What was on its way to the agent when that was killed never ran, and is lost.
    if (status?.state === 'TASK_LOST') assert.equal(runs, '', `${name} is lost, and ran`);
    else
      assert.deepEqual([status?.state, runs.trim().split('\n').length], [expected, 1], `${name}: ${status?.message}`);
  }
});

test('--recover=cleanup ends what was left, and exits; the next start tells of it', async (t) => {
  const room = await RecoveryRoom.open(t);
  await room.start();
  const scheduler = await room.schedule(t);
  await scheduler.launch({ name: 'one', command: { value: room.until('one') } });
  await scheduler.update('one', 'TASK_RUNNING');
  await room.kill();
  const { code, stderr } = await room.spawn(['--recover=cleanup']).outcome;
  assert.equal(code, 0, stderr);
  assert.equal(terminals(scheduler, 'one').length, 0);
  await room.start();
  await scheduler.update('one', 'TASK_KILLED');
});

test('an agent does not start on what a later version has written', async (t) => {
  const room = await RecoveryRoom.open(t);
  await room.start();
  await room.agent.end('SIGTERM');
  const path = join(room.workDirectory, 'meta/agent.sqlite');
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 99');
  database.close();
  const { code, stderr } = await room.spawn().outcome;
  assert.notEqual(code, 0);
  assert.match(stderr, /MESITA_DATABASE_TOO_NEW/);
  const again = new DatabaseSync(path);
  again.exec('PRAGMA user_version = 1');
  again.close();
});

test('what runs stays with what runs it, also where the agent may choose anew', async (t) => {
  const room = await RecoveryRoom.open(t);
  await room.start();
  const scheduler = await room.schedule(t);
  await scheduler.launch({ name: 'one', command: { value: room.until('one', 'exit 4') } });
  await scheduler.update('one', 'TASK_RUNNING');
  await room.kill();
  await room.start(['--containerizers=docker,process']);
  await writeFile(join(room.marks, 'one'), '');
  assert.match((await outcome(scheduler, 'one')).message ?? '', /status 4/);
});
