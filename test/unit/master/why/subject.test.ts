import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RememberedAgent } from '../../../../master/registry/remembered-agent.ts';
import { findSubject, type SubjectKind } from '../../../../master/why/subject.ts';
import { demandLabels } from '../../../../protocol/demand-labels.ts';
import { asAgentId } from '../../../../protocol/ids.ts';
import { frameworkInfo, resourcesOf } from '../../../support/master-messages.ts';
import { MasterWorld } from '../../../support/master-world.ts';

const everything: SubjectKind[] = ['task', 'framework', 'role'];

function worldOfTwo(): MasterWorld {
  const world = new MasterWorld();
  world.agent('cpus:4;mem:1024');
  const web = world.framework({ name: 'web', role: 'prod/web', failoverTimeout: 60 });
  world.launch(web, 'web-1', 'cpus:1;mem:64');
  world.launch(web, 'web-2', 'cpus:1;mem:64');
  return world;
}

function found(world: MasterWorld, given: string, kinds = everything): string {
  const finding = findSubject(world.state, given, kinds);
  if ('unknown' in finding) return finding.unknown;
  if ('ambiguous' in finding) return finding.ambiguous;
  const { subject } = finding;
  if (subject.kind === 'task') return `task ${subject.task.task_id.value}`;
  if (subject.kind === 'pending') return `pending ${subject.id}`;
  return subject.kind === 'role' ? `role ${subject.role}` : `framework ${subject.framework.id}`;
}

test('tasks, frameworks and roles are found by id, by name and by how an id begins or ends', () => {
  const world = worldOfTwo();
  const expected: Record<string, string> = {
    'web-1': 'task web-1',
    web: 'framework M-0000',
    'M-0000': 'framework M-0000',
    '0000': 'framework M-0000',
    'prod/web': 'role prod/web',
    prod: 'role prod',
    pr: "'pr' stands for 2: prod/web (role), prod (role)",
    'web-': "'web-' stands for 2: web-1 (task), web-2 (task)",
    '2': 'task web-2',
    nobody: "There is no task, framework or role 'nobody'",
    '': "There is no task, framework or role ''",
  };
  for (const [given, answer] of Object.entries(expected)) assert.equal(found(world, given), answer, given);
});

test('a name of several is told apart by what is meant', () => {
  const world = worldOfTwo();
  assert.equal(found(world, 'web', ['role']), "There is no role 'web'");
  assert.equal(found(world, 'prod/web', ['task']), "There is no task 'prod/web'");
  assert.equal(found(world, 'web', ['framework']), 'framework M-0000');
});

test('a task that is not launched is found by what its framework says of it', () => {
  const world = new MasterWorld();
  const info = {
    ...frameworkInfo({ name: 'run sleep' }),
    labels: demandLabels('sleep-1', resourcesOf('cpus:2;mem:64')),
  };
  const subscription = world.subscription(info);
  assert.ok('framework' in subscription);
  assert.equal(found(world, 'sleep-1'), 'pending sleep-1');
  assert.equal(found(world, 'sleep'), 'pending sleep-1');
  world.agent('cpus:4;mem:1024');
  world.launch(subscription.framework, 'sleep-1', 'cpus:2;mem:64');
  assert.equal(found(world, 'sleep-1'), 'task sleep-1');
});

test('roles with a quota or a weight are there without frameworks', () => {
  const world = new MasterWorld();
  world.state.weights.set('heavy', 2);
  world.state.quotas.set('rich', { guarantees: new Map([['cpus', 1]]), limits: new Map() });
  assert.equal(found(world, 'heavy'), 'role heavy');
  assert.equal(found(world, 'rich'), 'role rich');
});

test('a task that a new master has not heard of may run on an agent that has not come back yet', () => {
  const world = worldOfTwo();
  const missing = (number: number) => {
    const id = asAgentId(`M-S9${number}`);
    world.state.recovery.agents.set(id, new RememberedAgent(world.state, id, ''));
  };
  const text = (what: string) => `There is no ${what} 'old'; this master has not heard yet of`;
  missing(1);
  assert.equal(found(world, 'old', ['framework']), "There is no framework 'old'");
  const one = `${text('task')} 1 agent that the one before it had, and does not know what it runs`;
  assert.equal(found(world, 'old', ['task']), one);
  missing(2);
  const two = `${text('task, framework or role')} 2 agents that the one before it had, and does not know what they run`;
  assert.equal(found(world, 'old'), two);
});
