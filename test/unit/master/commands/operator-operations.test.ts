import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { operateOnAgent } from '../../../../master/commands/operator-operations.ts';
import type { AgentId } from '../../../../protocol/ids.ts';
import type { OfferOperation, Resource } from '../../../../protocol/messages.ts';
import { formatResources, parseResources } from '../../../../protocol/resource-text.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { eventsIn, MasterWorld, messagesIn } from '../../../support/master-world.ts';

class Site extends MasterWorld {
  /** How it is refused; undefined when it is done. */
  operate(agent: AgentId, operation: OfferOperation): string | undefined {
    const known = this.state.agents.get(agent);
    assert.ok(known);
    const outcome = operateOnAgent(this.state, known, operation, this.now);
    if ('effects' in outcome) this.did(outcome.effects);
    assertInvariants(this.state, this.allocator);
    return 'refusal' in outcome ? `${outcome.refusal}: ${outcome.text}` : undefined;
  }

  total(agent: AgentId): string {
    return formatResources(this.state.agents.get(agent)?.total ?? []);
  }
}

function dynamic(text: string, role = 'r'): Resource[] {
  const parsed = parseResources(text, '*');
  assert.ok('value' in parsed);
  return parsed.value.map(({ role: _role, ...resource }) => ({
    ...resource,
    reservations: [{ type: 'DYNAMIC', role }],
  }));
}

function volume(megabytes: number, id = 'v1'): Resource {
  const [disk] = dynamic(`disk:${megabytes}`);
  assert.ok(disk);
  return { ...disk, disk: { persistence: { id }, volume: { mode: 'RW', container_path: 'p' } } };
}

const reserve = (text: string, role?: string): OfferOperation => ({
  type: 'RESERVE',
  reserve: { resources: dynamic(text, role) },
});
const unreserve = (text: string): OfferOperation => ({ type: 'UNRESERVE', unreserve: { resources: dynamic(text) } });
const create = (...volumes: Resource[]): OfferOperation => ({ type: 'CREATE', create: { volumes } });
const destroy = (...volumes: Resource[]): OfferOperation => ({ type: 'DESTROY', destroy: { volumes } });
const rescinded = (world: Site) => eventsIn(world.take()).filter(({ type }) => type === 'RESCIND').length;

describe("an operator's operation", () => {
  test('changes what the agent has at once, and is carried out there', () => {
    const world = new Site();
    const agent = world.agent('cpus:2;disk:100');
    assert.equal(world.operate(agent, reserve('cpus:1;disk:64')), undefined);
    assert.equal(
      world.total(agent),
      'cpus:1; disk:36; cpus(reservations: [(DYNAMIC,r)]):1; disk(reservations: [(DYNAMIC,r)]):64',
    );
    assert.equal(world.operate(agent, create(volume(64))), undefined);
    assert.match(world.total(agent), /\[v1:p\]:64$/);
    assert.equal(
      world.operate(agent, { type: 'SHRINK_VOLUME', shrink_volume: { volume: volume(64), subtract: { value: 32 } } }),
      undefined,
    );
    const [addition] = dynamic('disk:16');
    assert.ok(addition);
    assert.equal(
      world.operate(agent, { type: 'GROW_VOLUME', grow_volume: { volume: volume(32), addition } }),
      undefined,
    );
    assert.equal(world.operate(agent, destroy(volume(48))), undefined);
    assert.equal(world.operate(agent, unreserve('cpus:1;disk:64')), undefined);
    assert.equal(world.total(agent), 'cpus:2; disk:100');
    const sent = messagesIn(world.take(), agent).flatMap((message) =>
      message.type === 'APPLY_OPERATION' ? [message] : [],
    );
    assert.deepEqual(
      sent.map(({ info }) => info.type),
      ['RESERVE', 'CREATE', 'SHRINK_VOLUME', 'GROW_VOLUME', 'DESTROY', 'UNRESERVE'],
    );
    assert.equal(new Set(sent.map(({ operation_uuid }) => operation_uuid)).size, sent.length);
  });

  test('takes resources in either format, and reserves anew what is reserved', () => {
    const world = new Site();
    const agent = world.agent('cpus:2');
    const old: Resource = { name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, role: 'r', reservation: {} };
    assert.equal(world.operate(agent, { type: 'RESERVE', reserve: { resources: [old] } }), undefined);
    const again: OfferOperation = { type: 'RESERVE', reserve: { source: [old], resources: dynamic('cpus:1', 's') } };
    assert.equal(world.operate(agent, again), undefined);
    assert.equal(world.total(agent), 'cpus:1; cpus(reservations: [(DYNAMIC,s)]):1');
    const other: OfferOperation = {
      type: 'RESERVE',
      reserve: { source: dynamic('cpus:1', 's'), resources: dynamic('cpus:2') },
    };
    assert.match(
      world.operate(agent, other) ?? '',
      /^badRequest: Invalid RESERVE operation on agent .*to be those of the source/,
    );
  });

  test('takes back the offers that hold what it needs, and no others', () => {
    const world = new Site();
    const agent = world.agent('cpus:2;mem:64');
    const framework = world.framework();
    world.offer(framework);
    world.take();
    assert.equal(world.operate(agent, reserve('cpus:0.5')), undefined);
    assert.equal(rescinded(world), 1);
    world.offer(framework);
    world.take();
    assert.equal(world.operate(agent, unreserve('cpus:0.5')), undefined, 'it is free: nobody is in that role');
    assert.equal(rescinded(world), 0);
  });

  test('takes back nothing where that would not be enough', () => {
    const world = new Site();
    const agent = world.agent('cpus:2;mem:64');
    const framework = world.framework();
    world.launch(framework, 't', 'cpus:1;mem:32');
    world.offer(framework);
    world.take();
    assert.equal(world.operate(agent, reserve('cpus:1.5')), 'conflict: cpus:1; mem:32 does not contain cpus:1.5');
    assert.equal(rescinded(world), 0);
  });

  test('is refused when it is invalid, in the words of Mesos', () => {
    const world = new Site();
    const agent = world.agent('cpus:2;disk:100');
    const on = `operation on agent ${agent} at slave(1)@127.0.0.1:5051 (host)`;
    world.operate(agent, reserve('disk:64'));
    world.operate(agent, create(volume(64)));
    const cases: [OfferOperation, string][] = [
      [
        { type: 'RESERVE', reserve: { resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 } }] } },
        `badRequest: Invalid RESERVE ${on}: Resource cpus:1 is not dynamically reserved`,
      ],
      [
        {
          type: 'RESERVE',
          reserve: { resources: dynamic('cpus:1').map((one) => ({ ...one, allocation_info: { role: 'r' } })) },
        },
        `badRequest: Invalid RESERVE ${on}: Invalid resources: 'allocation_info' must not be set by operators`,
      ],
      [create(volume(64)), `badRequest: Invalid CREATE ${on}: Persistence ID 'v1' is not unique`],
      [
        create(),
        `badRequest: Invalid CREATE ${on}: Invalid resources: The resources have multiple resource providers: `,
      ],
      [destroy(volume(32)), 'badRequest: Invalid DESTROY operation: Persistent volumes not found'],
      [
        unreserve('disk:64'),
        'conflict: cpus:2; disk:36; disk(reservations: [(DYNAMIC,r)])[v1:p]:64 does not contain disk(reservations: [(DYNAMIC,r)]):64',
      ],
    ];
    for (const [operation, refusal] of cases) assert.equal(world.operate(agent, operation), refusal);
  });

  test('is refused while the agent is away, since it would never hear of it', () => {
    const world = new Site();
    const agent = world.agent('cpus:2');
    const known = world.state.agents.get(agent);
    assert.ok(known);
    known.connected = false;
    assert.match(world.operate(agent, reserve('cpus:1')) ?? '', /^conflict: Agent .* is disconnected$/);
  });
});
