import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectFramework } from '../../../../master/commands/disconnect-framework.ts';
import { expire } from '../../../../master/commands/expire.ts';
import {
  maintenanceStatus,
  startMaintenance,
  stopMaintenance,
  updateSchedule,
} from '../../../../master/commands/maintenance.ts';
import { registerAgent } from '../../../../master/commands/register-agent.ts';
import type { OfferId } from '../../../../protocol/ids.ts';
import type { MachineID, MaintenanceWindow, Unavailability } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { agentSubscription } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, updatesIn } from '../../../support/master-world.ts';

const machine = { hostname: 'host', ip: '127.0.0.1' };
const unavailability: Unavailability = { start: { nanoseconds: 1_795_214_347_701_000_000 } };
const window: MaintenanceWindow = { machine_ids: [machine], unavailability };
const shown = `Machine '{"hostname":"host","ip":"127.0.0.1"}'`;

class Site extends MasterWorld {
  schedule(...windows: MaintenanceWindow[]) {
    return this.outcome(updateSchedule(this.state, { windows }, this.now));
  }

  down(...machines: MachineID[]) {
    return this.outcome(startMaintenance(this.state, machines, this.now));
  }

  up(...machines: MachineID[]) {
    return this.outcome(stopMaintenance(this.state, machines));
  }

  /** Why it was refused, if it was. */
  outcome(outcome: ReturnType<typeof updateSchedule>): string | undefined {
    if ('effects' in outcome) this.did(outcome.effects);
    assertInvariants(this.state, this.allocator);
    return 'refusal' in outcome ? outcome.refusal : undefined;
  }

  status() {
    return maintenanceStatus(this.state);
  }
}

/** A framework that runs a task on one agent, and holds an offer of the rest. */
function site() {
  const world = new Site();
  const agent = world.agent('cpus:4;mem:1024');
  const framework = world.framework({ failoverTimeout: 60 });
  world.launch(framework, 't1');
  const offer = world.offer(framework);
  world.take();
  return { world, agent, framework, offer };
}

/** The types of the events that a framework gets. */
const typesOf = (world: Site) => eventsIn(world.take()).map(({ type }) => type);

describe('a schedule is refused in the words of Mesos', () => {
  const cases: [string, MaintenanceWindow[], string][] = [
    ['without machines', [{ ...window, machine_ids: [] }], 'List of machines in the maintenance window is empty'],
    [
      'with a machine of no name',
      [{ ...window, machine_ids: [{}] }],
      "Both 'hostname' and 'ip' for a machine are empty",
    ],
    ['with a machine twice', [window, window], `${shown} appears more than once in the schedule`],
    [
      'of negative duration',
      [{ ...window, unavailability: { ...unavailability, duration: { nanoseconds: -5 } } }],
      "Unavailability 'duration' is negative",
    ],
  ];
  for (const [what, windows, refusal] of cases) {
    test(what, () => assert.equal(new Site().schedule(...windows), refusal));
  }
});

describe('a machine', () => {
  test('drains when it is scheduled, goes down and up, and is out of the schedule then', () => {
    const world = new Site();
    assert.deepEqual([world.schedule(window), world.status()], [undefined, { draining_machines: [{ id: machine }] }]);
    assert.deepEqual([world.down(machine), world.status()], [undefined, { down_machines: [machine] }]);
    assert.deepEqual([world.up(machine), world.status()], [undefined, {}]);
    assert.deepEqual(world.state.maintenance.schedule, {});
  });

  test('is moved by its own steps alone', () => {
    const world = new Site();
    assert.equal(world.down(machine), `${shown} is not part of a maintenance schedule`);
    world.schedule(window);
    assert.equal(world.up(machine), `${shown} is not in DOWN mode and cannot be brought up`);
    world.down(machine);
    assert.equal(world.down(machine), `${shown} is not in DRAINING mode and cannot be brought down`);
    assert.equal(world.schedule(), `${shown} is deactivated and cannot be removed from the schedule`);
    assert.equal(world.down(), 'List of machines is empty');
    assert.deepEqual(world.status(), { down_machines: [machine] });
  });

  test('is known by its host name in any case', () => {
    const world = new Site();
    world.schedule(window);
    assert.equal(world.down({ hostname: 'HOST', ip: '127.0.0.1' }), undefined);
  });

  test('that is down stays so while others are scheduled beside it', () => {
    const world = new Site();
    world.schedule(window);
    world.down(machine);
    const other = { machine_ids: [{ hostname: 'other' }], unavailability };
    assert.equal(world.schedule(window, other), undefined);
    assert.deepEqual(world.status(), { draining_machines: [{ id: { hostname: 'other' } }], down_machines: [machine] });
  });
});

describe('when the machine of an agent is scheduled', () => {
  test('its offers are made anew, saying when, and who holds something of it is asked to free it', () => {
    const { world, agent, framework, offer } = site();
    world.schedule(window);
    assert.deepEqual(eventsIn(world.take()), [{ type: 'RESCIND', rescind: { offer_id: offer.id } }]);
    const [again] = world.offers(framework);
    assert.deepEqual(again?.unavailability, unavailability);
    const [, inverse] = eventsIn(world.take());
    assert.deepEqual(inverse?.inverse_offers?.inverse_offers, [
      {
        id: { value: 'M-O3' },
        url: { scheme: 'http', address: { hostname: 'host', ip: '127.0.0.1', port: 5051 }, path: '/slave(1)' },
        framework_id: { value: framework },
        agent_id: { value: agent },
        unavailability,
      },
    ]);
  });

  test('frameworks that hold nothing of it are not asked, nor is anybody twice', () => {
    const { world, framework } = site();
    world.framework({ role: 'other' }, ['other']);
    world.schedule(window);
    world.offers();
    world.offers();
    const asked = eventsIn(world.take()).filter(({ type }) => type === 'INVERSE_OFFERS');
    assert.equal(asked.length, 1);
    assert.equal(world.known(framework).inverseOffers.size, 1);
  });

  test('an agent that joins later is due, too', () => {
    const world = new Site();
    world.schedule(window);
    world.agent('cpus:1');
    assert.deepEqual(world.offer(world.framework()).unavailability, unavailability);
  });

  test('nobody answers: with --offer_timeout the question is taken back, and asked anew', () => {
    const world = new Site({ offerTimeout: 30 });
    world.agent('cpus:4;mem:1024');
    const framework = world.framework();
    world.launch(framework, 't1');
    world.schedule(window);
    world.offers();
    const [id] = world.state.inverseOffers.keys();
    world.take();
    world.now += 30_000;
    const effects = expire(world.state, world.now);
    assert.deepEqual(
      eventsIn(effects, framework).flatMap(({ rescind_inverse_offer }) => rescind_inverse_offer ?? []),
      [{ inverse_offer_id: { value: id } }],
    );
    world.offers();
    assert.equal(world.state.inverseOffers.size, 1);
    assert.ok(!world.state.inverseOffers.has(id as OfferId));
  });

  test('and out of the schedule again: offers and inverse offers are taken back', () => {
    const { world, framework } = site();
    world.schedule(window);
    world.offers();
    world.take();
    world.schedule();
    assert.deepEqual(typesOf(world), ['RESCIND', 'RESCIND_INVERSE_OFFER']);
    assert.equal(world.offer(framework).unavailability, undefined);
    assert.deepEqual(typesOf(world), ['OFFERS']);
  });

  test('the same once more, nothing happens', () => {
    const { world } = site();
    world.schedule(window);
    world.offers();
    world.take();
    world.schedule(structuredClone(window));
    assert.deepEqual(typesOf(world), []);
  });
});

describe('an answer to an inverse offer', () => {
  function asked() {
    const { world, agent, framework } = site();
    world.schedule(window);
    world.offers();
    const [inverse_offer_ids = []] = eventsIn(world.take()).flatMap((event) =>
      event.inverse_offers === undefined ? [] : [event.inverse_offers.inverse_offers?.map(({ id }) => id)],
    );
    return { world, agent, framework, inverse_offer_ids };
  }
  const timestamp = (world: Site) => ({ nanoseconds: world.now * 1e6 });

  test('is shown to operators, the latest one of each framework', () => {
    const { world, framework, inverse_offer_ids } = asked();
    const call = { inverse_offer_ids, filters: { refuse_seconds: 0 } };
    world.call(framework, { type: 'DECLINE_INVERSE_OFFERS', decline_inverse_offers: call });
    const framework_id = { value: framework };
    const declined = { status: 'DECLINE', framework_id, timestamp: timestamp(world) };
    assert.deepEqual(world.status(), { draining_machines: [{ id: machine, statuses: [declined] }] });
    world.offers();
    const ids = [...world.known(framework).inverseOffers].map((value) => ({ value }));
    world.now += 1000;
    world.call(framework, { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids: ids } });
    const accepted = { status: 'ACCEPT', framework_id, timestamp: timestamp(world) };
    assert.deepEqual(world.status(), { draining_machines: [{ id: machine, statuses: [accepted] }] });
    assertInvariants(world.state, world.allocator);
  });

  test('holds the next one back for as long as it says, five seconds by default', () => {
    const { world, framework, inverse_offer_ids } = asked();
    world.call(framework, { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids } });
    world.now += 4_999;
    world.offers();
    assert.deepEqual(typesOf(world), []);
    world.now += 1;
    world.offers();
    assert.deepEqual(typesOf(world), ['INVERSE_OFFERS']);
  });

  test('holds nothing back any more after REVIVE', () => {
    const { world, framework, inverse_offer_ids } = asked();
    world.call(framework, { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids } });
    world.call(framework, { type: 'REVIVE' });
    world.offers();
    assert.deepEqual(typesOf(world), ['INVERSE_OFFERS']);
  });

  test('to one of another framework, or to none, is passed over', () => {
    const { world, inverse_offer_ids } = asked();
    const thief = world.framework({ role: 'other' });
    const ids = [...inverse_offer_ids, { value: 'none' }];
    world.call(thief, { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids: ids } });
    assert.deepEqual(world.status(), { draining_machines: [{ id: machine }] });
    assert.equal(world.state.inverseOffers.size, 1);
  });

  test('cannot be given by a framework that went away: it is asked again when it is back', () => {
    const { world, framework } = asked();
    world.did(disconnectFramework(world.state, world.known(framework), world.now));
    assertInvariants(world.state, world.allocator);
    assert.equal(world.state.inverseOffers.size, 0);
    world.framework({ id: framework });
    world.take();
    world.offers();
    assert.deepEqual(typesOf(world), ['OFFERS', 'INVERSE_OFFERS']);
  });
});

describe('when the machine of an agent goes down', () => {
  test('the agent is told to end, its tasks are lost for everybody, and the master does not know it any more', () => {
    const { world, agent, framework } = site();
    world.schedule(window);
    world.offers();
    world.take();
    world.down(machine);
    const effects = world.take();
    const message = "Operator initiated 'Machine DOWN'";
    assert.deepEqual(messagesIn(effects, agent), [{ type: 'SHUTDOWN', message }]);
    assert.deepEqual(updatesIn(effects, framework), ['t1 TASK_LOST REASON_AGENT_REMOVED']);
    assert.deepEqual(
      eventsIn(effects, framework).map(({ type }) => type),
      ['UPDATE', 'RESCIND', 'RESCIND_INVERSE_OFFER', 'FAILURE'],
    );
    const [lost] = eventsIn(effects, framework);
    assert.equal(lost?.update?.status.message, `Agent host removed: ${message}`);
    assert.equal(world.state.agents.size, 0);
  });

  test('no agent may come back on it until it is up', () => {
    const { world, agent } = site();
    world.schedule(window);
    world.down(machine);
    const subscription = agentSubscription({ id: agent, resources: 'cpus:1' });
    assert.deepEqual(registerAgent(world.state, subscription, world.now), { shutdown: 'Machine is `DOWN`' });
    world.up(machine);
    assert.ok('agent' in registerAgent(world.state, subscription, world.now));
  });
});
