import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocate } from '../../../../master/commands/allocate.ts';
import { eventsIn, MasterWorld } from '../../../support/master-world.ts';

test('an allocation that may not go on makes offers of what it has got to, and goes on where it was', () => {
  const world = new MasterWorld();
  const framework = world.framework();
  for (let index = 0; index < 200; index++) world.agent('cpus:1;mem:64', { hostname: `host${index}` });
  const offered: number[] = [];
  do {
    const effects = allocate(
      world.state,
      world.now,
      () => 0.5,
      () => false,
    );
    const events = eventsIn(effects, framework);
    assert.ok(events.length <= 1, 'a framework gets one event of a slice');
    offered.push(...events.map((event) => event.offers?.offers?.length ?? 0));
  } while (world.state.allocator.unfinished);
  assert.ok(offered.length > 1, 'it did all at once');
  assert.equal(
    offered.reduce((sum, count) => sum + count, 0),
    200,
  );
  assert.equal(world.state.offers.size, 200);
});

test('an agent that leaves in the middle of an allocation is offered no more', () => {
  const world = new MasterWorld();
  world.framework();
  const agents = Array.from({ length: 50 }, () => world.agent('cpus:1;mem:64'));
  const once = () =>
    allocate(
      world.state,
      world.now,
      () => 0.5,
      () => false,
    );
  while (world.state.offers.size === 0) once();
  const offered = new Set([...world.state.offers.values()].map(({ agent }) => agent));
  const leaving = agents.filter((agent) => !offered.has(agent));
  for (const agent of leaving) {
    world.state.allocator.removeAgent(agent);
    world.state.agents.delete(agent);
  }
  while (world.state.allocator.unfinished) once();
  for (const { agent } of world.state.offers.values()) assert.ok(!leaving.includes(agent), `${agent} was offered`);
});

test('what a role gets of an agent for its guarantee and beyond it is one offer', () => {
  const world = new MasterWorld();
  world.state.allocator.setQuota('web', { guarantees: new Map([['cpus', 1]]), limits: new Map() });
  const framework = world.framework({ roles: ['web'], capabilities: ['MULTI_ROLE'] });
  world.agent('cpus:4;mem:1024;ports:[1-9]');
  const [offer, ...others] = eventsIn(
    allocate(world.state, world.now, () => 0.5),
    framework,
  ).flatMap((event) => event.offers?.offers ?? []);
  assert.deepEqual(others, []);
  assert.deepEqual(
    offer?.resources?.map(({ name, scalar }) => [name, scalar?.value]),
    [
      ['ports', undefined],
      ['cpus', 4],
      ['mem', 1024],
    ],
  );
  assert.equal(world.state.offers.size, 1);
});
