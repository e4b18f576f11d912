import assert from 'node:assert/strict';
import { type MasterState, roleOfExecutor, roleOfTask, taskKey } from '../../master/state.ts';
import { asAgentId, asFrameworkId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import { conversionOf, isSpeculative } from '../../protocol/resource-operations.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { add, normalize } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { AuditedAllocator } from './audited-allocator.ts';
import { sortedText } from './master-messages.ts';

/** Throws unless all that MasterState promises holds. */
export function assertInvariants(state: MasterState, allocator: AuditedAllocator): void {
  assertOffers(state);
  assertTasks(state);
  assertBooks(state, allocator);
  assertInverseOffers(state);
  assertOperations(state);
  for (const id of state.agents.keys()) assert.ok(!state.unreachableAgents.has(id), `${id} is here and unreachable`);
  for (const id of state.goneAgents.keys()) {
    assert.ok(!state.agents.has(id) && !state.unreachableAgents.has(id), `${id} is gone, and is not`);
  }
  for (const id of state.frameworks.keys()) assert.ok(!state.completedFrameworks.has(id), `${id} is here and over`);
}

function assertOffers(state: MasterState): void {
  for (const offer of state.offers.values()) {
    assert.ok(state.frameworks.get(offer.framework)?.offers.has(offer.id), `${offer.id} is not with its framework`);
    assert.ok(state.agents.get(offer.agent)?.offers.has(offer.id), `${offer.id} is not with its agent`);
    assert.ok(state.frameworks.get(offer.framework)?.connected, `${offer.id} is with a framework that is away`);
    assert.ok(state.agents.get(offer.agent)?.connected, `${offer.id} is of an agent that is away`);
    assert.ok(!state.agents.get(offer.agent)?.deactivated, `${offer.id} is of an agent that is not to be used`);
  }
  const held = [...state.frameworks.values(), ...state.completedFrameworks.values()].flatMap(({ offers }) => [
    ...offers,
  ]);
  assert.equal(held.length, state.offers.size, 'a framework holds an offer that is gone');
  const made = [...state.agents.values()].flatMap(({ offers }) => [...offers]);
  assert.equal(made.length, state.offers.size, 'an agent has an offer that is gone');
}

function assertOperations(state: MasterState): void {
  const named = [...state.agents.values()].flatMap(({ operations }) =>
    [...operations.values()].filter(({ info }) => info.id !== undefined),
  );
  for (const operation of named) {
    const framework = state.frameworks.get(asFrameworkId(operation.framework_id?.value ?? ''));
    assert.equal(framework?.operations.get(operation.info.id?.value ?? ''), operation, 'an operation of nobody');
  }
  const known = [...state.frameworks.values()].reduce((sum, { operations }) => sum + operations.size, 0);
  assert.equal(known, named.length, 'a framework has operations that no agent has');
}

function assertInverseOffers(state: MasterState): void {
  for (const offer of state.inverseOffers.values()) {
    const framework = state.frameworks.get(offer.framework);
    const agent = state.agents.get(offer.agent);
    assert.ok(framework?.inverseOffers.has(offer.id), `${offer.id} is not with its framework`);
    assert.ok(framework?.connected, `${offer.id} is with a framework that is away`);
    assert.ok(agent?.inverseOffers.has(offer.id), `${offer.id} is not with its agent`);
    assert.ok(agent?.connected, `${offer.id} is of an agent that is away`);
    assert.ok(agent?.unavailability !== undefined, `${offer.id} is of an agent that is not due for maintenance`);
  }
  const held = [...state.frameworks.values(), ...state.completedFrameworks.values()];
  const made = [...state.agents.values()];
  for (const holders of [held, made]) {
    const count = holders.reduce((sum, { inverseOffers }) => sum + inverseOffers.size, 0);
    assert.equal(count, state.inverseOffers.size, 'somebody holds an inverse offer that is gone');
  }
}

function assertTasks(state: MasterState): void {
  for (const framework of state.frameworks.values()) {
    for (const [id, task] of framework.tasks) {
      assert.equal(task.task_id.value, id);
      assert.ok(!framework.unreachableTasks.has(id), `${id} is active and unreachable`);
      assert.notEqual(task.state, 'TASK_UNREACHABLE', `${id} is active`);
      const agent = state.agents.get(asAgentId(task.agent_id.value));
      assert.equal(agent?.tasks.get(taskKey(framework.id, id)), task, `${id} is not with its agent`);
    }
    for (const [id, task] of framework.unreachableTasks) {
      const agent = asAgentId(task.agent_id.value);
      const lost = state.unreachableAgents.has(agent) || (task.state === 'TASK_LOST' && state.goneAgents.has(agent));
      assert.ok(lost, `${id} is unreachable, and its agent ${agent} is not`);
    }
  }
  for (const agent of state.agents.values()) {
    for (const [key, task] of agent.tasks) {
      const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
      const known = [...(framework?.tasks.values() ?? [])].includes(task);
      assert.ok(known, `${agent.id} holds ${key}, which its framework does not`);
    }
    for (const key of agent.pendingKills.keys()) assert.ok(agent.tasks.has(key), `a kill of ${key} waits for nobody`);
  }
  for (const framework of state.completedFrameworks.values()) {
    assert.equal(
      framework.tasks.size + framework.unreachableTasks.size,
      0,
      `${framework.id} is over, its tasks are not`,
    );
    const open = framework.completedTasks.filter((task) => !isTerminal(task.state));
    assert.deepEqual(open, [], `${framework.id} completed tasks that are not terminal`);
  }
}

/** What is allocated is what offers and tasks hold. */
function assertBooks(state: MasterState, allocator: AuditedAllocator): void {
  assert.deepEqual(allocator.agents.sort(), [...state.agents.keys()].sort());
  for (const agent of state.agents.values()) {
    const held = new Map<string, Resource[]>();
    const enter = (key: string, resources: Resource[]) => held.set(key, add(held.get(key) ?? [], resources));
    for (const id of agent.offers) {
      const offer = state.offers.get(id);
      if (offer !== undefined) enter(`${offer.framework} ${offer.role}`, offer.resources);
    }
    for (const task of agent.tasks.values()) {
      const framework = state.frameworks.get(asFrameworkId(task.framework_id.value));
      if (framework === undefined || isTerminal(task.state)) continue;
      enter(`${framework.id} ${roleOfTask(task, framework.info)}`, normalize(task.resources ?? []));
    }
    for (const executor of agent.executors.values()) {
      const framework = state.frameworks.get(asFrameworkId(executor.framework_id?.value ?? ''));
      assert.ok(framework !== undefined, `${agent.id} has an executor of nobody`);
      enter(`${framework.id} ${roleOfExecutor(executor, framework.info)}`, normalize(executor.resources ?? []));
    }
    for (const { framework_id, info, latest_status } of agent.operations.values()) {
      // An operator's operation is taken as done.
      if (latest_status.state !== 'OPERATION_PENDING' || isSpeculative(info) || framework_id === undefined) continue;
      const volume = info.grow_volume?.volume ?? info.shrink_volume?.volume;
      const role = volume?.allocation_info?.role ?? '*';
      enter(`${framework_id?.value} ${role}`, conversionOf(info)?.consumed ?? []);
    }
    assert.deepEqual(shown(allocator.held(agent.id)), shown(held), `the books of ${agent.id}`);
    assert.equal(sortedText(allocator.total(agent.id)), sortedText(agent.total), `the total of ${agent.id}`);
  }
}

function shown(held: Map<string, Resource[]>): string[] {
  return [...held]
    .map(
      ([key, resources]) =>
        `${key}: ${[...resources]
          .map((one) => formatResources([one]))
          .sort()
          .join('; ')}`,
    )
    .sort();
}
