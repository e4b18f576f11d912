import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CheckInfo, HealthCheck, TaskStatus } from '../../protocol/messages.ts';
import { TaskRoom } from '../support/task-room.ts';
import { until } from '../support/virtual-clock.ts';

const soon = { delay_seconds: 0, interval_seconds: 0.05, timeout_seconds: 20 };
const forever = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

function commandCheck(value: string): CheckInfo {
  return { type: 'COMMAND', command: { command: { value } }, ...soon };
}

function healthCheck(change: Partial<HealthCheck>): HealthCheck {
  return { ...soon, grace_period_seconds: 0, consecutive_failures: 3, ...change };
}

/** Waits for an update of that kind. */
async function hears(room: TaskRoom, task: string, fits: (status: TaskStatus) => boolean): Promise<TaskStatus> {
  const find = () => room.agent.statuses(task).find(fits);
  await until(`an update of ${task}`, () => find() !== undefined);
  return find() as TaskStatus;
}

test('a check is made beside the task, with its directory and environment, and told when it changes', async (t) => {
  const room = await TaskRoom.open(t);
  const check = commandCheck('echo $MESOS_TASK_ID > checked; exit $(cat ../../code)');
  writeFileSync(join(room.directory, 'code'), '3');
  room.run('t', forever, { check });
  const exitCode = (code: number) => (status: TaskStatus) => status.check_status?.command?.exit_code === code;
  const first = await hears(room, 't', exitCode(3));
  assert.deepEqual([first.state, first.reason], ['TASK_RUNNING', 'REASON_TASK_CHECK_STATUS_UPDATED']);
  assert.equal(room.output('t', 'checked'), 't\n');
  writeFileSync(join(room.directory, 'code'), '0');
  await hears(room, 't', exitCode(0));
  room.kill('t');
  const last = await room.last('t');
  assert.deepEqual([last.state, last.check_status], ['TASK_KILLED', { type: 'COMMAND', command: {} }]);
  const empty = room.agent.statuses('t').find(({ state }) => state === 'TASK_RUNNING');
  assert.deepEqual(empty?.check_status, { type: 'COMMAND', command: {} });
});

test('a task whose health check fails too often in a row is killed, and said to be unhealthy', async (t) => {
  const room = await TaskRoom.open(t, { capabilities: ['TASK_KILLING_STATE'] });
  const health_check = healthCheck({ type: 'COMMAND', command: { value: 'test -e healthy' } });
  room.run('t', `touch healthy; ${forever}`, { health_check });
  await hears(room, 't', ({ healthy }) => healthy === true);
  room.run('sick', forever, { health_check });
  assert.deepEqual([(await room.last('sick')).state, (await room.last('sick')).healthy], ['TASK_KILLED', false]);
  const told = room.agent.statuses('sick').map(({ state, healthy }) => [state, healthy]);
  assert.deepEqual(told, [
    ['TASK_RUNNING', undefined],
    ['TASK_RUNNING', false],
    ['TASK_RUNNING', false],
    ['TASK_RUNNING', false],
    ['TASK_KILLING', false],
    ['TASK_KILLED', false],
  ]);
  assert.equal(room.agent.statuses('t').at(-1)?.healthy, true);
});

test('HTTP and TCP checks speak to the network of the executor', async (t) => {
  const room = await TaskRoom.open(t);
  const server = createServer((_request, response) => response.writeHead(204).end());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  room.run('tcp', forever, { check: { type: 'TCP', tcp: { port }, ...soon } });
  room.run('closed', forever, { check: { type: 'TCP', tcp: { port: 1 }, ...soon } });
  room.run('http', forever, { health_check: healthCheck({ type: 'HTTP', http: { port, path: '/x' } }) });
  await hears(room, 'tcp', ({ check_status }) => check_status?.tcp?.succeeded === true);
  await hears(room, 'closed', ({ check_status }) => check_status?.tcp?.succeeded === false);
  await hears(room, 'http', ({ healthy }) => healthy === true);
});

test('of a check that takes too long nothing is left, nor when its task ends meanwhile', async (t) => {
  const room = await TaskRoom.open(t);
  const hang = 'sleep 1000 & echo up > up; wait';
  const slow = healthCheck({
    type: 'COMMAND',
    command: { value: hang },
    timeout_seconds: 0.3,
    consecutive_failures: 1,
  });
  room.run('slow', forever, { health_check: slow });
  assert.equal((await room.last('slow')).state, 'TASK_KILLED');
  room.run('t', 'until [ -e up ]; do sleep 0.05; done', { check: commandCheck(hang) });
  assert.equal((await room.last('t')).state, 'TASK_FINISHED');
  assert.ok(existsSync(join(room.directory, 'tasks/t/up')));
  await until('nothing is left', () => room.survivors().length === 0);
});
