import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getFrameworks, getState, getTasks } from '../../../../master/operator/documents.ts';
import { getRoles } from '../../../../master/operator/roles-document.ts';
import { taskKey } from '../../../../master/state.ts';
import { asTaskId } from '../../../../protocol/ids.ts';
import type { Resource, Task } from '../../../../protocol/messages.ts';
import { resourcesOf } from '../../../support/master-messages.ts';
import { MasterWorld } from '../../../support/master-world.ts';

test('a disconnected framework is not active, a removed one is completed with its tasks', () => {
  const world = new MasterWorld();
  const framework = world.framework({ failoverTimeout: 60 });
  world.agent('cpus:4;mem:1024');
  world.launch(framework, 't1');
  world.known(framework).connected = false;
  const [disconnected] = getFrameworks(world.state).frameworks ?? [];
  assert.deepEqual([disconnected?.active, disconnected?.connected, disconnected?.recovered], [false, false, false]);
  assert.equal(disconnected?.unregistered_time, undefined);
  world.call(framework, { type: 'TEARDOWN' });
  const { frameworks, completed_frameworks } = getFrameworks(world.state);
  assert.deepEqual([frameworks?.length, completed_frameworks?.length], [0, 1]);
  assert.ok(completed_frameworks?.[0]?.unregistered_time);
  const { tasks, completed_tasks } = getTasks(world.state);
  assert.deepEqual([tasks, completed_tasks?.map(({ state }) => state)], [[], ['TASK_KILLED']]);
});

test('resources are shown with the role that holds them, reserved ones in both formats', () => {
  const world = new MasterWorld();
  const framework = world.framework({ role: 'a' });
  world.agent('cpus(a):2;cpus:1;mem:64');
  world.offer(framework);
  const [shown] = getFrameworks(world.state).frameworks ?? [];
  const allocation_info = { role: 'a' };
  const cpus = { name: 'cpus', type: 'SCALAR' };
  const expected = [
    { ...cpus, scalar: { value: 2 }, role: 'a', reservations: [{ type: 'STATIC', role: 'a' }], allocation_info },
    { ...cpus, scalar: { value: 1 }, role: '*', allocation_info },
    { name: 'mem', type: 'SCALAR', scalar: { value: 64 }, role: '*', allocation_info },
  ];
  assert.equal(shown?.offered_resources?.length, expected.length);
  for (const resource of expected) {
    const { name, role } = resource;
    const found: Resource[] = (shown?.offered_resources ?? []).filter(
      (other) => other.name === name && other.role === role,
    );
    assert.deepEqual(found, [resource]);
  }
  assert.deepEqual(
    getRoles(world.state).roles?.map(({ name, resources }) => [name, resources]),
    [
      [
        'a',
        [
          { ...cpus, scalar: { value: 3 } },
          { name: 'mem', type: 'SCALAR', scalar: { value: 64 } },
        ],
      ],
    ],
  );
});

test('a hundred thousand tasks, each with a port, come to an end', { timeout: 60_000 }, () => {
  const world = new MasterWorld();
  const framework = world.known(world.framework({ failoverTimeout: 60 }));
  for (let host = 0; host < 100; host++) {
    const id = world.agent('cpus:1000;mem:100000;ports:[1-65000]');
    const tasks = world.state.agents.get(id)?.tasks;
    for (let index = 0; index < 1000; index++) {
      const port = 1 + ((index * 7919 + host) % 60_000);
      const task: Task = {
        name: 'task',
        task_id: { value: `${host}-${index}` },
        framework_id: { value: framework.id },
        agent_id: { value: id },
        state: 'TASK_RUNNING',
        resources: resourcesOf(`cpus:0.1;ports:[${port}-${port}]`),
      };
      framework.tasks.set(asTaskId(task.task_id.value), task);
      tasks?.set(taskKey(framework.id, task.task_id.value), task);
    }
  }
  const { get_tasks, get_frameworks } = getState(world.state);
  assert.equal(get_tasks?.tasks?.length, 100_000);
  const [cpus] = get_frameworks?.frameworks?.[0]?.allocated_resources ?? [];
  assert.equal(cpus?.scalar?.value, 10_000);
});
