import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectAgent } from '../../../../master/commands/disconnect-agent.ts';
import { updateOperation } from '../../../../master/commands/operations.ts';
import { markGone, markUnreachable } from '../../../../master/commands/remove-agent.ts';
import type { Effect } from '../../../../master/effects.ts';
import type { AgentId, FrameworkId } from '../../../../protocol/ids.ts';
import type { OfferOperation, OperationState, OperationStatus, Resource } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { agentSubscription, resourcesOf, sortedText, taskFor } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, statusesIn } from '../../../support/master-world.ts';

const total = 'cpus:4;mem:1024;disk:100';
const reservedDisk: Resource = {
  name: 'disk',
  type: 'SCALAR',
  scalar: { value: 10 },
  reservations: [{ type: 'DYNAMIC', role: 'a' }],
};
const volume: Resource = {
  ...reservedDisk,
  disk: { persistence: { id: 'v' }, volume: { mode: 'RW', container_path: 'data' } },
};
const reserve: OfferOperation = { type: 'RESERVE', reserve: { resources: [reservedDisk] } };
const create: OfferOperation = { type: 'CREATE', create: { volumes: [volume] } };

class Room {
  readonly world = new MasterWorld();
  readonly agent: AgentId = this.world.agent(total);
  readonly framework: FrameworkId = this.world.framework({
    role: 'a',
    failoverTimeout: 100,
    capabilities: ['RESERVATION_REFINEMENT', 'SHARED_RESOURCES'],
  });

  accept(...operations: OfferOperation[]): readonly Effect[] {
    this.world.now += 10_000;
    const offer = this.world.offer(this.framework);
    const effects = this.world.call(this.framework, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
    this.check();
    return effects;
  }

  /** The agent tells an outcome of the last operation that it was sent, or of the one given. */
  tell(state: OperationState, uuid: string | undefined, sent: readonly Effect[]): readonly Effect[] {
    const [order] = messagesIn(sent).flatMap((message) => (message.type === 'APPLY_OPERATION' ? [message] : []));
    if (order === undefined) throw new Error('no operation was sent');
    const status: OperationStatus = {
      state,
      agent_id: { value: this.agent },
      ...(order.info.id && { operation_id: order.info.id }),
      ...(uuid === undefined ? {} : { uuid: { value: uuid } }),
    };
    const outcome = { operation_uuid: order.operation_uuid, status };
    const effects = updateOperation(this.world.state, this.agent, outcome, this.world.now);
    this.check();
    return effects;
  }

  acknowledge(id: string, uuid: string): readonly Effect[] {
    const call = { operation_id: { value: id }, agent_id: { value: this.agent }, uuid };
    return this.world.call(this.framework, {
      type: 'ACKNOWLEDGE_OPERATION_STATUS',
      acknowledge_operation_status: call,
    });
  }

  reconcile(...asked: { id: string; agent?: string }[]): string[] {
    const operations = asked.map(({ id, agent }) => ({
      operation_id: { value: id },
      ...(agent === undefined ? {} : { agent_id: { value: agent } }),
    }));
    return outcomes(
      this.world.call(this.framework, { type: 'RECONCILE_OPERATIONS', reconcile_operations: { operations } }),
    );
  }

  offered(): string {
    this.world.now += 10_000;
    const [offer] = this.world.offers(this.framework);
    return sortedText((offer?.resources ?? []).map(({ allocation_info: _role, ...rest }) => rest));
  }

  check(): void {
    assertInvariants(this.world.state, this.world.allocator);
  }
}

/** `o1 OPERATION_FINISHED`, and ` uuid` where it is to be acknowledged. */
function outcomes(effects: readonly Effect[]): string[] {
  return eventsIn(effects).flatMap(({ update_operation_status: update }) => {
    if (update === undefined) return [];
    const { operation_id, state, uuid } = update.status;
    return [[operation_id?.value, state, ...(uuid === undefined ? [] : ['uuid'])].join(' ')];
  });
}

const withId = (operation: OfferOperation, id: string): OfferOperation => ({ ...operation, id: { value: id } });

describe('the outcome of an operation with an id', () => {
  test('is told each time that the agent says it, until it is acknowledged', () => {
    const room = new Room();
    const sent = room.accept(withId(reserve, 'o1'));
    assert.deepEqual(outcomes(sent), []);
    const uuid = room.world.uuid();
    assert.deepEqual(outcomes(room.tell('OPERATION_FINISHED', uuid, sent)), ['o1 OPERATION_FINISHED uuid']);
    assert.deepEqual(outcomes(room.tell('OPERATION_FINISHED', uuid, sent)), ['o1 OPERATION_FINISHED uuid']);
    const [message] = messagesIn(room.acknowledge('o1', uuid));
    assert.equal(message?.type, 'ACKNOWLEDGE_OPERATION');
    assert.equal(room.world.known(room.framework).operations.size, 0);
    const [dismissed] = messagesIn(room.tell('OPERATION_FINISHED', uuid, sent));
    assert.equal(dismissed?.type, 'ACKNOWLEDGE_OPERATION');
  });

  test('is not done with by the acknowledgement of something else', () => {
    const room = new Room();
    const sent = room.accept(withId(reserve, 'o1'));
    room.tell('OPERATION_FINISHED', room.world.uuid(), sent);
    room.acknowledge('o1', room.world.uuid());
    assert.equal(room.world.known(room.framework).operations.size, 1);
    assert.deepEqual(messagesIn(room.acknowledge('o2', room.world.uuid())), []);
  });

  test('is an error at once when the operation is invalid', () => {
    const room = new Room();
    assert.deepEqual(outcomes(room.accept(withId(create, 'o1'))), ['o1 OPERATION_ERROR']);
    assert.deepEqual(outcomes(room.accept(withId(reserve, 'o2'), withId(reserve, 'o2'))), ['o2 OPERATION_ERROR']);
  });

  test('is asked for by reconciliation', () => {
    const room = new Room();
    room.accept(withId(reserve, 'o1'));
    const lost = room.world.agent(total);
    markUnreachable(room.world.state, lost, room.world.now);
    assert.deepEqual(
      room.reconcile(
        { id: 'o1' },
        { id: 'o2', agent: room.agent },
        { id: 'o3', agent: lost },
        { id: 'o4', agent: 'x' },
      ),
      ['o1 OPERATION_PENDING', 'o2 OPERATION_UNKNOWN', 'o3 OPERATION_UNREACHABLE', 'o4 OPERATION_UNKNOWN'],
    );
    assert.deepEqual(room.reconcile(), ['o1 OPERATION_PENDING']);
  });

  test('is out of reach with the agent', () => {
    for (const [lose, state] of [
      [markUnreachable, 'OPERATION_UNREACHABLE'],
      [markGone, 'OPERATION_GONE_BY_OPERATOR'],
    ] as const) {
      const room = new Room();
      room.accept(withId(reserve, 'o1'));
      const effects = lose(room.world.state, room.agent, room.world.now) ?? [];
      room.check();
      assert.deepEqual(outcomes(effects), [`o1 ${state}`]);
      assert.deepEqual(room.reconcile({ id: 'o1', agent: room.agent }), [`o1 ${state}`]);
    }
  });
});

test('nobody is told of an operation without an id', () => {
  const room = new Room();
  const sent = room.accept(reserve);
  assert.deepEqual(outcomes(room.tell('OPERATION_FINISHED', undefined, sent)), []);
  assert.equal(room.world.state.agents.get(room.agent)?.operations.size, 0);
  assert.deepEqual(outcomes(room.accept({ ...create, create: { volumes: [] } })), []);
});

describe('in one call', () => {
  test('operations build on one another, and tasks on operations', () => {
    const room = new Room();
    const task = { ...taskFor({ agent_id: { value: room.agent } }, 't1', 'cpus:1;mem:32') };
    task.resources = [...resourcesOf('cpus:1;mem:32'), volume];
    const effects = room.accept(reserve, create, { type: 'LAUNCH', launch: { task_infos: [task] } });
    assert.deepEqual(
      messagesIn(effects).map(({ type }) => type),
      ['APPLY_OPERATION', 'APPLY_OPERATION', 'RUN_TASK'],
    );
    assert.deepEqual(statusesIn(effects), []);
    assert.equal(room.offered(), 'cpus:3; disk:90; mem:992');
  });

  test('a volume that was grown is there when the agent says so', () => {
    const room = new Room();
    room.accept(reserve, create, reserve);
    const grown = room.accept({ type: 'GROW_VOLUME', grow_volume: { volume, addition: reservedDisk } });
    assert.equal(room.offered(), 'cpus:4; disk:80; mem:1024');
    room.world.state.offers.forEach(({ id }) => {
      room.world.call(room.framework, { type: 'DECLINE', decline: { offer_ids: [{ value: id }] } });
    });
    room.tell('OPERATION_FINISHED', undefined, grown);
    assert.equal(room.offered(), 'cpus:4; disk(reservations: [(DYNAMIC,a)])[v:data]:20; disk:80; mem:1024');
  });

  test('a volume that could not be shrunk stays as it was', () => {
    const room = new Room();
    room.accept(reserve, create);
    const shrunk = room.accept({ type: 'SHRINK_VOLUME', shrink_volume: { volume, subtract: { value: 3 } } });
    room.tell('OPERATION_FAILED', undefined, shrunk);
    assert.equal(room.offered(), 'cpus:4; disk(reservations: [(DYNAMIC,a)])[v:data]:10; disk:90; mem:1024');
  });

  test('what operations made is not held back by the filters of the call', () => {
    const room = new Room();
    room.accept(reserve);
    room.world.now -= 10_000;
    assert.equal(room.world.offers(room.framework).length, 1);
  });
});

describe('refused operations', () => {
  const refused: [string, OfferOperation, RegExp][] = [
    [
      'RESERVE for another role',
      {
        type: 'RESERVE',
        reserve: { resources: [{ ...reservedDisk, reservations: [{ type: 'DYNAMIC', role: 'b' }] }] },
      },
      /role 'b'/,
    ],
    [
      'RESERVE without reservation',
      { type: 'RESERVE', reserve: { resources: resourcesOf('disk:10') } },
      /^Resource disk:10 is not dynamically reserved$/,
    ],
    [
      'RESERVE with source',
      { type: 'RESERVE', reserve: { source: [reservedDisk], resources: [reservedDisk] } },
      /source/,
    ],
    ['RESERVE of nothing', { type: 'RESERVE', reserve: { resources: [] } }, /multiple resource providers/],
    [
      'CREATE of unreserved disk',
      { type: 'CREATE', create: { volumes: [{ ...volume, reservations: [] }] } },
      /cannot be created from unreserved resources$/,
    ],
    [
      'UNRESERVE of a volume',
      { type: 'UNRESERVE', unreserve: { resources: [volume] } },
      /destroy the persistent volume first/,
    ],
    [
      'DESTROY of a volume that is not there',
      { type: 'DESTROY', destroy: { volumes: [volume] } },
      /^Persistent volumes not found$/,
    ],
    [
      'GROW of no volume',
      { type: 'GROW_VOLUME', grow_volume: { volume: reservedDisk, addition: reservedDisk } },
      /must be a persistent volume/,
    ],
    [
      'SHRINK by everything',
      { type: 'SHRINK_VOLUME', shrink_volume: { volume, subtract: { value: 10 } } },
      /smaller than the size/,
    ],
    [
      'CREATE_DISK',
      { type: 'CREATE_DISK', create_disk: { source: reservedDisk, target_type: 'MOUNT' } },
      /resource provider/,
    ],
    ['a kind that there is not', { type: 'UNKNOWN' }, /unknown/],
  ];

  for (const [what, operation, text] of refused) {
    test(`${what}: with a reason, and nothing is lost`, () => {
      const room = new Room();
      const [event] = eventsIn(room.accept(withId(operation, 'o1')));
      assert.equal(event?.update_operation_status?.status.state, 'OPERATION_ERROR');
      assert.match(event?.update_operation_status?.status.message ?? '', text);
      assert.equal(room.offered(), 'cpus:4; disk:100; mem:1024');
    });
  }

  test('principals must agree', () => {
    const room = new Room();
    room.world.known(room.framework).info.principal = 'p';
    assert.deepEqual(outcomes(room.accept(withId(reserve, 'o1'))), ['o1 OPERATION_ERROR']);
    const own: Resource = { ...reservedDisk, reservations: [{ type: 'DYNAMIC', role: 'a', principal: 'p' }] };
    assert.deepEqual(outcomes(room.accept(withId({ type: 'RESERVE', reserve: { resources: [own] } }, 'o2'))), []);
  });

  test('a persistence id is unique in its role', () => {
    const room = new Room();
    room.accept(reserve, create, reserve);
    const [event] = eventsIn(room.accept(withId(create, 'o1')));
    assert.equal(event?.update_operation_status?.status.message, "Persistence ID 'v' is not unique");
  });

  test('a volume in use is not destroyed', () => {
    const room = new Room();
    const task = taskFor({ agent_id: { value: room.agent } }, 't1', 'cpus:1;mem:32');
    const shared: Resource = { ...volume, shared: {} };
    task.resources = [...resourcesOf('cpus:1;mem:32'), shared];
    const make: OfferOperation = { type: 'CREATE', create: { volumes: [shared] } };
    room.accept(reserve, make, { type: 'LAUNCH', launch: { task_infos: [task] } });
    const destroy: OfferOperation = { type: 'DESTROY', destroy: { volumes: [shared] } };
    const [event] = eventsIn(room.accept(withId(destroy, 'o1')));
    assert.equal(event?.update_operation_status?.status.message, 'Persistent volumes in use');
    room.world.update(room.agent, room.framework, 't1', 'TASK_FINISHED');
    assert.deepEqual(outcomes(room.accept(withId(destroy, 'o2'))), []);
  });
});

test('several tasks of a call may use one shared volume', () => {
  const room = new Room();
  const shared: Resource = { ...volume, shared: {} };
  const tasks = ['t1', 't2'].map((id) => ({
    ...taskFor({ agent_id: { value: room.agent } }, id, 'cpus:1;mem:32'),
    resources: [...resourcesOf('cpus:1;mem:32'), shared],
  }));
  const make: OfferOperation = { type: 'CREATE', create: { volumes: [shared] } };
  const effects = room.accept(reserve, make, { type: 'LAUNCH', launch: { task_infos: tasks } });
  assert.deepEqual(statusesIn(effects), []);
  assert.match(room.offered(), /<SHARED>/);
});

describe('an agent that comes back', () => {
  const back = (room: Room, change: Partial<Parameters<typeof agentSubscription>[0]> = {}) => {
    room.world.take();
    room.world.register(agentSubscription({ id: room.agent, resources: total, ...change }));
    room.check();
    return room.world.take();
  };

  test('is asked for operations that it does not name, and its word on its resources counts', () => {
    const room = new Room();
    const sent = room.accept(withId(reserve, 'o1'), reserve);
    disconnectAgent(room.world.state, room.agent, room.world.now);
    const asked = messagesIn(back(room)).flatMap((message) =>
      message.type === 'RECONCILE_OPERATIONS' ? message.operations : [],
    );
    assert.deepEqual(
      asked.map(({ info }) => info.id?.value),
      ['o1'],
    );
    assert.equal(room.offered(), 'cpus:4; disk:100; mem:1024');
    const uuid = room.world.uuid();
    assert.deepEqual(outcomes(room.tell('OPERATION_DROPPED', uuid, sent)), ['o1 OPERATION_DROPPED uuid']);
  });

  test('keeps what it has carried out', () => {
    const room = new Room();
    const sent = room.accept(withId(reserve, 'o1'));
    const kept = [...(room.world.state.agents.get(room.agent)?.operations.values() ?? [])];
    markUnreachable(room.world.state, room.agent, room.world.now);
    back(room, { operations: kept, total: [...resourcesOf('cpus:4;mem:1024;disk:90'), reservedDisk] });
    assert.deepEqual(room.reconcile({ id: 'o1' }), ['o1 OPERATION_PENDING']);
    assert.equal(room.offered(), 'cpus:4; disk(reservations: [(DYNAMIC,a)]):10; disk:90; mem:1024');
    const uuid = room.world.uuid();
    assert.deepEqual(outcomes(room.tell('OPERATION_FINISHED', uuid, sent)), ['o1 OPERATION_FINISHED uuid']);
  });
});

test('a framework that comes later than its agent, after a restart of the master, still hears of its operations', () => {
  const world = new MasterWorld();
  const uuid = world.uuid();
  const status: OperationStatus = {
    state: 'OPERATION_FINISHED',
    operation_id: { value: 'o1' },
    uuid: { value: uuid },
  };
  const operation_uuid = world.uuid();
  const kept = {
    framework_id: { value: 'old' },
    info: withId(reserve, 'o1'),
    latest_status: status,
    uuid: { value: operation_uuid },
  };
  const agent = world.agent(total, { operations: [kept] });
  assert.deepEqual(updateOperation(world.state, agent, { operation_uuid, status }, world.now), []);
  const framework = world.framework({ role: 'a', id: 'old' });
  assert.deepEqual(outcomes(updateOperation(world.state, agent, { operation_uuid, status }, world.now)), [
    'o1 OPERATION_FINISHED uuid',
  ]);
  const call = { operation_id: { value: 'o1' }, agent_id: { value: agent }, uuid };
  const effects = world.call(framework, { type: 'ACKNOWLEDGE_OPERATION_STATUS', acknowledge_operation_status: call });
  assert.deepEqual(messagesIn(effects), [{ type: 'ACKNOWLEDGE_OPERATION', operation_uuid, status_uuid: uuid }]);
  assertInvariants(world.state, world.allocator);
});

test('operations of a framework that is over are acknowledged in its place', () => {
  const room = new Room();
  const sent = room.accept(withId(reserve, 'o1'));
  room.world.call(room.framework, { type: 'TEARDOWN' });
  room.check();
  const [message] = messagesIn(room.tell('OPERATION_FINISHED', room.world.uuid(), sent));
  assert.equal(message?.type, 'ACKNOWLEDGE_OPERATION');
});
