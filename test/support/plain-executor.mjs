// An executor on node alone, for tests of the agent: it runs what `data` of a task says in a shell. Without a driver, so that nothing of
// mesita's own speaks for it.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';

const { MESOS_AGENT_ENDPOINT: agent = '', MESOS_EXECUTOR_ID = '', MESOS_FRAMEWORK_ID = '' } = process.env;
const ids = { executor_id: { value: MESOS_EXECUTOR_ID }, framework_id: { value: MESOS_FRAMEWORK_ID } };
const children = new Map();
const killed = new Set();
let turn = Promise.resolve();

function post(call, onAnswer) {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const sent = request(`http://${agent}/api/v1/executor`, { method: 'POST', headers }, onAnswer);
  sent.on('error', () => process.exit(1));
  sent.end(JSON.stringify({ ...ids, ...call }));
}

/** One after the other, so that updates arrive in order. */
function say(call) {
  turn = turn.then(() => new Promise((answered) => post(call, (answer) => answer.resume().on('end', answered))));
  return turn;
}

function update(task_id, state, more = {}) {
  const uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64');
  return say({ type: 'UPDATE', update: { status: { task_id, state, source: 'SOURCE_EXECUTOR', uuid, ...more } } });
}

function launch({ task_id, data = '' }) {
  update(task_id, 'TASK_STARTING');
  const child = spawn('/bin/sh', ['-c', Buffer.from(data, 'base64').toString()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.set(task_id.value, child);
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  update(task_id, 'TASK_RUNNING');
  child.on('close', (code) => {
    children.delete(task_id.value);
    const state = killed.has(task_id.value) ? 'TASK_KILLED' : code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
    update(task_id, state, { data: Buffer.concat(output).toString('base64'), message: `exit code ${code}` });
  });
}

function kill({ task_id }) {
  killed.add(task_id.value);
  update(task_id, 'TASK_KILLING');
  children.get(task_id.value)?.kill('SIGTERM');
}

function hear(event) {
  console.log(event.type);
  if (event.type === 'LAUNCH') launch(event.launch.task);
  if (event.type === 'LAUNCH_GROUP') event.launch_group.task_group.tasks.forEach(launch);
  if (event.type === 'KILL') kill(event.kill);
  if (event.type === 'SHUTDOWN') process.exit(0);
  if (event.type === 'MESSAGE') obey(Buffer.from(event.message.data, 'base64').toString());
}

function obey(message) {
  if (message === 'die') process.exit(3);
  if (message === 'eat') Buffer.alloc(1024 ** 3, 1);
  if (message === 'environment') return answer(JSON.stringify({ ...process.env, cwd: process.cwd() }));
  return answer(`echo:${message}`);
}

function answer(text) {
  say({ type: 'MESSAGE', message: { data: Buffer.from(text).toString('base64') } });
}

let left = Buffer.alloc(0);
post({ type: 'SUBSCRIBE', subscribe: {} }, (stream) => {
  stream.on('data', (chunk) => {
    left = Buffer.concat([left, chunk]);
    for (;;) {
      const end = left.indexOf('\n');
      const length = Number(left.subarray(0, end).toString());
      if (end < 0 || left.length < end + 1 + length) return;
      hear(JSON.parse(left.subarray(end + 1, end + 1 + length).toString()));
      left = left.subarray(end + 1 + length);
    }
  });
  stream.on('close', () => process.exit(1));
});
