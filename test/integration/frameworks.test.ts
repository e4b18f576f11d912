import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sayHello } from '../../frameworks/hello/hello.ts';
import { image } from '../support/agent-room.ts';
import type { FakeProgram } from '../support/fake-engine.ts';
import { MasterRoom } from '../support/master-room.ts';
import { agentOf } from '../support/task-cluster.ts';
import { until } from '../support/virtual-clock.ts';

const checkout = join(import.meta.dirname, '../..');

test('docs/frameworks.md quotes the example word by word', () => {
  const page = readFileSync(join(checkout, 'docs/frameworks.md'), 'utf8');
  const example = readFileSync(join(checkout, 'frameworks/hello/hello.ts'), 'utf8');
  assert.ok(page.includes(`\`\`\`ts\n${example}\`\`\``));
});

test('the example runs each of its tasks to its end, and launches again what fails', async (t) => {
  const room = await MasterRoom.open();
  t.after(() => room.close());
  let failures = 0;
  const program = (): FakeProgram => ({ exit: { exitCode: failures++ < 2 ? 1 : 0 } });
  const { engine } = await agentOf(t, room, { program });
  const file = join(room.directory, 'diary.json');
  await sayHello({ masters: [room.master.address], image, tasks: 4, file, signal: t.signal });
  const { done } = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual(done.sort(), ['hello-1', 'hello-2', 'hello-3', 'hello-4']);
  assert.equal(failures, 6);
  assert.equal(room.master.state.frameworks.size, 0);
  await until('nothing is left', () => engine.machine.containers.size === 0);
});

test('the example goes on where it was when it is started again, and runs nothing twice', async (t) => {
  const room = await MasterRoom.open();
  t.after(() => room.close());
  const { engine, agent } = await agentOf(t, room, { program: () => ({}) });
  const options = { masters: [room.master.address], image, tasks: 3, file: join(room.directory, 'diary.json') };
  const first = new AbortController();
  t.after(() => first.abort());
  const life = sayHello({ ...options, signal: first.signal });
  const names = () => [...agent.state.tasks.values()].map(({ containerName }) => containerName);
  await until('all run', () => [...agent.state.tasks.values()].filter(({ phase }) => phase === 'running').length === 3);
  const containers = names().sort();
  const [one = ''] = containers;
  engine.exit(one, 0);
  await until('it has written one down', () => JSON.parse(readFileSync(options.file, 'utf8')).done.length === 1);
  first.abort();
  await life;
  const second = sayHello({ ...options, signal: t.signal });
  await until('it is back', () => [...room.master.state.frameworks.values()].some(({ connected }) => connected));
  assert.deepEqual([...new Set([one, ...names()])].sort(), containers);
  for (const name of containers.slice(1)) engine.exit(name, 0);
  await second;
  assert.equal(JSON.parse(readFileSync(options.file, 'utf8')).done.length, 3);
});
