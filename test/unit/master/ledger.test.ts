import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectAgent } from '../../../master/commands/disconnect-agent.ts';
import { disconnectFramework } from '../../../master/commands/disconnect-framework.ts';
import { deactivateAgent } from '../../../master/commands/drain.ts';
import { expire } from '../../../master/commands/expire.ts';
import { markGone } from '../../../master/commands/remove-agent.ts';
import { removeFramework } from '../../../master/commands/remove-framework.ts';
import { updateWeights } from '../../../master/commands/weights.ts';
import { Ledger } from '../../../master/ledger.ts';
import type { OfferRecord } from '../../../master/state.ts';
import { type AgentId, asAgentId, asFrameworkId, asOfferId, type FrameworkId } from '../../../protocol/ids.ts';
import type { Offer } from '../../../protocol/messages.ts';
import { frameworkInfo, resourcesOf, taskFor } from '../../support/master-messages.ts';
import { MasterWorld } from '../../support/master-world.ts';

interface Scene {
  world: MasterWorld;
  framework: FrameworkId;
  agent: AgentId;
  offer: Offer;
}

function scene(settings = {}): Scene {
  const world = new MasterWorld(settings);
  const framework = world.framework({ failoverTimeout: 60, role: 'web' });
  const agent = world.agent('cpus:4;mem:1024');
  return { world, framework, agent, offer: world.offer(framework) };
}

describe('what became of an offer', () => {
  const ends: Record<string, [(scene: Scene) => unknown, object]> = {
    'it was accepted, and tasks launched': [
      ({ world, framework, offer }) =>
        world.accept(framework, [offer], [taskFor(offer, 'a', 'cpus:1;mem:64'), taskFor(offer, 'b', 'cpus:1;mem:64')]),
      { kind: 'ACCEPTED', tasks: 2 },
    ],
    'it was declined for a while': [
      ({ world, framework, offer }) =>
        world.call(framework, { type: 'DECLINE', decline: { offer_ids: [offer.id], filters: { refuse_seconds: 7 } } }),
      { kind: 'DECLINED', refuseSeconds: 7 },
    ],
    'nobody answered it': [
      ({ world }) => {
        world.now += 31_000;
        expire(world.state, world.now);
      },
      { kind: 'TIMED_OUT' },
    ],
    'its agent was disconnected': [
      ({ world, agent }) => disconnectAgent(world.state, agent, world.now),
      { kind: 'RESCINDED', reason: 'AGENT_DISCONNECTED' },
    ],
    'its agent was deactivated': [
      ({ world, agent }) => deactivateAgent(world.state, agent, world.now),
      { kind: 'RESCINDED', reason: 'AGENT_DEACTIVATED' },
    ],
    'its agent is gone': [
      ({ world, agent }) => markGone(world.state, agent, world.now),
      { kind: 'RESCINDED', reason: 'AGENT_LOST' },
    ],
    'weights changed': [
      ({ world }) => updateWeights(world.state, [{ role: 'web', weight: 2 }], world.now),
      { kind: 'RESCINDED', reason: 'WEIGHTS' },
    ],
    'its framework went away': [
      ({ world, framework }) => disconnectFramework(world.state, world.known(framework), world.now),
      { kind: 'RETURNED', reason: 'DISCONNECTED' },
    ],
    'its framework failed over': [
      ({ world, framework }) => world.subscription(frameworkInfo({ id: framework, role: 'web', failoverTimeout: 60 })),
      { kind: 'RETURNED', reason: 'FAILED_OVER' },
    ],
    'it was accepted together with one that was gone': [
      ({ world, framework, offer }) =>
        world.call(framework, { type: 'ACCEPT', accept: { offer_ids: [offer.id, { value: 'gone' }], operations: [] } }),
      { kind: 'RETURNED', reason: 'INVALID_CALL' },
    ],
  };
  for (const [what, [end, expected]] of Object.entries(ends)) {
    test(what, () => {
      const given = scene({ offerTimeout: 30 });
      end(given);
      const { world, framework, offer } = given;
      const [life, ...others] = world.state.ledger.livesOf(framework, 'web', 10);
      assert.deepEqual(others, []);
      assert.equal(life?.offer.id, offer.id.value);
      assert.deepEqual(life?.end, expected);
      assert.equal(life?.endedAt, world.now);
    });
  }

  test('an offer of another that is declined is rescinded from its owner', () => {
    const { world, framework, offer } = scene();
    const other = world.framework({ name: 'other' });
    world.call(other, { type: 'DECLINE', decline: { offer_ids: [offer.id] } });
    assert.equal(world.state.ledger.tallyOf(framework, 'web')?.ends.DECLINED, 1);
  });

  test('with its framework all that was counted of it is forgotten', () => {
    const { world, framework } = scene();
    removeFramework(world.state, world.known(framework), world.now);
    assert.equal(world.state.ledger.tallyOf(framework, 'web'), undefined);
  });
});

describe('the record', () => {
  const framework = asFrameworkId('f');
  const offer = (number: number, resources = 'cpus:1', of = framework): OfferRecord => ({
    id: asOfferId(`O${number}`),
    framework: of,
    agent: asAgentId('S0'),
    role: '*',
    resources: resourcesOf(resources),
    offeredAt: number,
  });

  test('keeps so many lives, the latest first, and counts them all', () => {
    const ledger = new Ledger(3);
    for (let number = 0; number < 8; number++) {
      const of = number % 2 === 0 ? framework : asFrameworkId('g');
      ledger.ended(offer(number, 'cpus:1', of), { kind: 'DECLINED', refuseSeconds: 5 }, number);
    }
    assert.deepEqual(
      ledger.livesOf(framework, '*', 10).map(({ endedAt }) => endedAt),
      [6],
    );
    assert.deepEqual(
      ledger.livesOf(asFrameworkId('g'), '*', 1).map(({ endedAt }) => endedAt),
      [7],
    );
    assert.equal(ledger.tallyOf(framework, '*')?.ends.DECLINED, 4);
    assert.equal(ledger.tallyOf(framework, '*')?.lastOfferedAt, 6);
  });

  test('knows the most that was declined since a task was launched', () => {
    const ledger = new Ledger();
    const decline = (number: number, resources: string) =>
      ledger.ended(offer(number, resources), { kind: 'DECLINED', refuseSeconds: number }, number);
    decline(1, 'cpus:8;mem:64');
    ledger.ended(offer(2), { kind: 'ACCEPTED', tasks: 1 }, 2);
    decline(3, 'cpus:1;mem:512');
    ledger.ended(offer(4), { kind: 'ACCEPTED', tasks: 0 }, 4);
    decline(5, 'cpus:2;mem:32');
    const declines = ledger.tallyOf(framework, '*')?.declines;
    assert.deepEqual([declines?.offers, declines?.since, declines?.lastAt, declines?.lastRefuseSeconds], [2, 3, 5, 5]);
    assert.deepEqual(Object.fromEntries(declines?.largest ?? []), { cpus: 2, mem: 512 });
    ledger.suppressed(framework, '*', 6);
    assert.equal(ledger.tallyOf(framework, '*')?.suppressedAt, 6);
    ledger.unsuppressed(framework, '*');
    assert.equal(ledger.tallyOf(framework, '*')?.declines, undefined);
  });
});
