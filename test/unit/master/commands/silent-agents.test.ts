import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expire } from '../../../../master/commands/expire.ts';
import { excuseSilence } from '../../../../master/commands/silent-agents.ts';
import { masterFlags } from '../../../../master/flags.ts';
import { metricsSnapshot } from '../../../../master/metrics-snapshot.ts';
import { parseRemovalRate } from '../../../../master/removal-pace.ts';
import { asAgentId } from '../../../../protocol/ids.ts';
import { parseFlags } from '../../../../runtime/flags.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { eventsIn, MasterWorld } from '../../../support/master-world.ts';

function silent(count: number, rate: string | undefined) {
  const parsed = rate === undefined ? undefined : parseRemovalRate(rate);
  assert.ok(parsed === undefined || 'value' in parsed);
  const world = new MasterWorld({ agentRemovalRate: parsed?.value });
  const agents = Array.from({ length: count }, () => world.agent('cpus:1;mem:64'));
  const pass = (seconds: number) => {
    for (let passed = 0; passed < seconds; passed++) {
      world.now += 1000;
      world.did(expire(world.state, world.now));
      assertInvariants(world.state, world.allocator);
    }
    return world.state.unreachableAgents.size;
  };
  const counted = () => {
    const metrics = metricsSnapshot(world.state, world.now);
    return ['scheduled', 'completed', 'canceled'].map((what) => metrics[`master/slave_unreachable_${what}`]);
  };
  return { world, agents, pass, counted };
}

describe('silent agents', () => {
  test('are all given up at once, unless that is limited', () => {
    const { pass, counted } = silent(3, undefined);
    assert.deepEqual([pass(74), pass(1), counted()], [0, 3, [3, 3, 0]]);
  });

  test('are given up one after the other at the pace of --agent_removal_rate_limit', () => {
    const { pass, counted } = silent(3, '1/1mins');
    assert.deepEqual([pass(75), counted()], [1, [3, 1, 0]]);
    assert.deepEqual([pass(59), pass(1), pass(60)], [1, 2, 3]);
    assert.deepEqual(counted(), [3, 3, 0]);
  });

  test('may be several in a second', () => {
    const { pass } = silent(9, '3/1secs');
    assert.ok(pass(75) <= 1);
    assert.equal(pass(3), 9);
  });

  test('that are heard of before their turn are spared', () => {
    const { world, agents, pass, counted } = silent(2, '1/1mins');
    pass(75);
    const [, second] = agents;
    const agent = world.state.agents.get(asAgentId(second ?? ''));
    assert.ok(agent);
    agent.heardAt = world.now;
    assert.deepEqual([pass(60), counted()], [1, [2, 1, 1]]);
    assert.equal(world.state.silentAgents.size, 0);
    assert.deepEqual([pass(15), counted()], [2, [3, 2, 1]]);
  });

  test('are not blamed for the time in which the master itself stood still, nor are frameworks', () => {
    const { world, pass } = silent(1, undefined);
    const framework = world.framework({ failoverTimeout: 60 });
    world.known(framework).removeAt = world.now + 60_000;
    world.now += 1_000_000;
    world.did(excuseSilence(world.state, 1_000_000));
    assert.equal(pass(59), 0);
    assert.ok(world.state.frameworks.has(framework));
    pass(1);
    assert.equal(world.state.frameworks.has(framework), false);
    assert.equal(pass(15), 1);
  });

  test('are told to every framework once', () => {
    const { world, pass } = silent(2, '1/1mins');
    const framework = world.framework({ failoverTimeout: 1e6 });
    world.take();
    pass(200);
    const failures = eventsIn(world.take(), framework).filter(({ type }) => type === 'FAILURE');
    assert.equal(failures.length, 2);
  });
});

test('a removal rate is a number of agents and a time', () => {
  for (const text of ['1', '0/1mins', '1/0secs', '-1/1mins', '1/10', 'x/1mins', '1/1mins/2', '']) {
    assert.throws(() => parseFlags(masterFlags, [`--agent_removal_rate_limit=${text}`], {}), {
      code: 'MESITA_FLAG_INVALID',
    });
  }
  assert.equal(
    parseFlags(masterFlags, ['--agent_removal_rate_limit=1/10mins'], {}).agent_removal_rate_limit,
    '1/10mins',
  );
});
