import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentsDocument } from '../../../../master/documents/agents.ts';
import { frameworksDocument } from '../../../../master/documents/frameworks.ts';
import { rolesDocument } from '../../../../master/documents/roles.ts';
import { stateSummaryDocument } from '../../../../master/documents/state-summary.ts';
import { type TaskQuery, tasksDocument } from '../../../../master/documents/tasks.ts';
import { writeV0 } from '../../../../protocol/v0-json.ts';
import { taskFor } from '../../../support/master-messages.ts';
import { MasterWorld } from '../../../support/master-world.ts';

const read = (document: unknown) => JSON.parse(writeV0(document));

describe('/tasks', () => {
  const world = new MasterWorld();
  const framework = world.framework({ roles: ['a'], capabilities: ['MULTI_ROLE', 'PARTITION_AWARE'] });
  const agent = world.agent('cpus:200;mem:20000');
  const offer = world.offer(framework);
  world.accept(
    framework,
    [offer],
    Array.from({ length: 120 }, (_, index) => taskFor(offer, `t${index}`, 'cpus:0.1;mem:32')),
  );
  for (const id of ['t5', 't3', 't4']) {
    world.now += 1000;
    world.update(agent, framework, id, 'TASK_RUNNING');
  }
  const ids = (query: TaskQuery) =>
    read(tasksDocument(world.state, query)).tasks.map(({ id }: { id: string }) => id) as string[];

  test('a hundred at a go, the latest begun first', () => {
    assert.equal(ids({}).length, 100);
    assert.deepEqual(ids({ limit: '3' }), ['t4', 't3', 't5']);
    assert.deepEqual(ids({ limit: '2', offset: '1' }), ['t3', 't5']);
  });

  test('all of them, or from the earliest on; tasks of which nothing was heard are earlier than all', () => {
    assert.equal(ids({ limit: '-1' }).length, 120);
    assert.deepEqual(ids({ limit: '-1', order: 'asc' }).slice(-3), ['t5', 't3', 't4']);
    assert.equal(ids({ limit: 'many', order: 'sideways' })[0], 't4');
  });

  test('one framework’s, or one', () => {
    assert.deepEqual(ids({ task_id: 't7' }), ['t7']);
    assert.equal(ids({ framework_id: framework, limit: '-1' }).length, 120);
    assert.deepEqual(ids({ framework_id: 'nobody' }), []);
  });

  test('unreachable and completed ones too, also of frameworks that are over', () => {
    const uuid = world.update(agent, framework, 't3', 'TASK_FINISHED');
    world.acknowledge(framework, agent, 't3', uuid);
    assert.deepEqual(ids({ task_id: 't3' }), ['t3']);
    world.call(framework, { type: 'TEARDOWN' });
    assert.equal(ids({ limit: '-1' }).length, 120);
  });
});

test('/roles lists reserved roles and what is above them, sorted, with how much of everything', () => {
  const world = new MasterWorld();
  const framework = world.framework({ roles: ['z/y'], capabilities: ['MULTI_ROLE', 'RESERVATION_REFINEMENT'] });
  world.agent('cpus:2;mem:64;cpus(a/b):1;ports(a/b):[1-10]');
  world.offer(framework);
  const { roles } = read(rolesDocument(world.state));
  assert.deepEqual(
    roles.map(({ name }: { name: string }) => name),
    ['a', 'a/b', 'z', 'z/y'],
  );
  const [, reserved, , offered] = roles;
  assert.deepEqual(reserved.reserved, { cpus: 1, ports: 10 });
  assert.deepEqual(reserved.quota, { role: 'a/b', guarantee: {}, limit: {}, consumed: { cpus: 1, ports: 10 } });
  assert.deepEqual(offered.offered, { cpus: 2, mem: 64 });
  assert.deepEqual(offered.frameworks, [framework]);
});

test('/slaves and /frameworks show one of them when asked', () => {
  const world = new MasterWorld();
  const [first, second] = [world.framework(), world.framework()];
  const agents = [world.agent('cpus:1;mem:64'), world.agent('cpus(role):2;cpus:1;mem:64')];
  const { slaves } = read(agentsDocument(world.state, agents[1]));
  assert.equal(slaves.length, 1);
  assert.deepEqual(slaves[0].reserved_resources, { role: { disk: 0, mem: 0, gpus: 0, cpus: 2 } });
  assert.deepEqual(slaves[0].reserved_resources_full.role[0].reservations, [{ type: 'STATIC', role: 'role' }]);
  assert.equal(slaves[0].reserved_resources_full.role[0].role, 'role');
  assert.deepEqual(read(agentsDocument(world.state, 'nobody')), { slaves: [], recovered_slaves: [] });
  const shown = read(frameworksDocument(world.state, second)).frameworks;
  assert.deepEqual(
    shown.map(({ id }: { id: string }) => id),
    [second],
  );
  world.call(first, { type: 'TEARDOWN' });
  assert.equal(read(frameworksDocument(world.state, first)).completed_frameworks.length, 1);
});

test('/state-summary counts tasks of all kinds for each agent and framework', () => {
  const world = new MasterWorld();
  const framework = world.framework();
  const agent = world.agent('cpus:4;mem:640');
  world.launch(framework, 'over');
  world.acknowledge(framework, agent, 'over', world.update(agent, framework, 'over', 'TASK_FAILED'));
  world.launch(framework, 'up');
  world.update(agent, framework, 'up', 'TASK_RUNNING');
  const { slaves, frameworks } = read(stateSummaryDocument(world.state));
  for (const entry of [slaves[0], frameworks[0]]) {
    assert.deepEqual([entry.TASK_RUNNING, entry.TASK_FAILED, entry.TASK_STAGING], [1, 1, 0]);
  }
  assert.deepEqual([slaves[0].framework_ids, frameworks[0].slave_ids], [[framework], [agent]]);
});
