import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { checkpointedPart, readCheckpoint, readOldCheckpoint, withCheckpointed } from '../../../agent/checkpoint.ts';
import { operationMessages, restoreOperations } from '../../../agent/commands/operations.ts';
import { volumePath } from '../../../agent/volume-paths.ts';
import { makeVolume, removeVolume } from '../../../agent/volumes.ts';
import type { AgentMessage } from '../../../protocol/agent-link.ts';
import type { OfferOperation, Operation, Resource } from '../../../protocol/messages.ts';
import { AgentRoom } from '../../support/agent-room.ts';
import { resourcesOf, sortedText } from '../../support/master-messages.ts';
import { settle } from '../../support/virtual-clock.ts';

const reserved: Resource = {
  name: 'disk',
  type: 'SCALAR',
  scalar: { value: 10 },
  reservations: [{ type: 'DYNAMIC', role: 'a' }],
};
const volume: Resource = {
  ...reserved,
  disk: { persistence: { id: 'v' }, volume: { mode: 'RW', container_path: 'data' } },
};
const reserve: OfferOperation = { type: 'RESERVE', reserve: { resources: [reserved] } };
const create: OfferOperation = { type: 'CREATE', create: { volumes: [volume] } };
const destroy: OfferOperation = { type: 'DESTROY', destroy: { volumes: [volume] } };

async function open(t: TestContext): Promise<AgentRoom> {
  const room = await AgentRoom.open();
  t.after(() => room.close());
  room.state.total = resourcesOf('cpus:4;mem:1024;disk:100');
  return room;
}

function apply(room: AgentRoom, uuid: string, info: OfferOperation, id?: string): void {
  const named = id === undefined ? info : { ...info, id: { value: id } };
  room.performer.receive({ type: 'APPLY_OPERATION', framework_id: 'F', operation_uuid: uuid, info: named });
}

type Outcome = AgentMessage & { type: 'UPDATE_OPERATION' };

/** Outcomes told since the last look. */
function outcomes(room: AgentRoom): Outcome[] {
  return room.sent.splice(0).filter((message) => message.type === 'UPDATE_OPERATION');
}

const states = (told: readonly Outcome[]) =>
  told.map(({ operation_uuid, status }) => `${operation_uuid} ${status.state}`);

describe('an operation', () => {
  test('changes what the agent has at once, and is told when it is on the disk', async (t) => {
    const room = await open(t);
    apply(room, 'u1', reserve, 'o1');
    apply(room, 'u2', create, 'o2');
    assert.equal(
      sortedText(room.state.total),
      'cpus:4; disk(reservations: [(DYNAMIC,a)])[v:data]:10; disk:90; mem:1024',
    );
    assert.deepEqual(outcomes(room), []);
    await settle();
    const told = outcomes(room);
    assert.deepEqual(states(told), ['u1 OPERATION_FINISHED', 'u2 OPERATION_FINISHED']);
    assert.ok(told.every(({ status }) => status.uuid !== undefined && status.agent_id?.value === 'S'));
    const kinds = room.marks.map((mark) => (typeof mark === 'string' ? mark : mark.resources.length));
    assert.deepEqual(kinds, [1, 'make v', 1]);
  });

  test('is told again after 10 s, 20 s, 40 s, until it is acknowledged', async (t) => {
    const room = await open(t);
    apply(room, 'u1', reserve, 'o1');
    await settle();
    const [first] = outcomes(room);
    for (const seconds of [10, 20, 40]) {
      room.clock.advance(seconds * 1000 - 1000);
      assert.deepEqual(outcomes(room), []);
      room.clock.advance(1000);
      assert.deepEqual(outcomes(room), [first]);
    }
    const status_uuid = first?.status.uuid?.value ?? '';
    room.performer.receive({ type: 'ACKNOWLEDGE_OPERATION', operation_uuid: 'u1', status_uuid });
    room.clock.advance(600_000);
    assert.deepEqual(outcomes(room), []);
    assert.equal(room.state.operations.size, 0);
  });

  test('is told again on a new link', async (t) => {
    const room = await open(t);
    apply(room, 'u1', reserve, 'o1');
    await settle();
    const told = outcomes(room);
    room.register();
    assert.deepEqual(outcomes(room), told);
  });

  test('without id is told once, and not kept', async (t) => {
    const room = await open(t);
    apply(room, 'u1', reserve);
    await settle();
    assert.deepEqual(
      outcomes(room).map(({ status }) => status),
      [{ state: 'OPERATION_FINISHED', agent_id: { value: 'S' } }],
    );
    room.clock.advance(60_000);
    assert.deepEqual(outcomes(room), []);
    assert.equal(room.state.operations.size, 0);
  });

  test('that cannot be done changes nothing, and has failed', async (t) => {
    const room = await open(t);
    apply(room, 'u1', create, 'o1');
    await settle();
    const [outcome] = outcomes(room);
    assert.equal(outcome?.status.state, 'OPERATION_FAILED');
    assert.match(outcome?.status.message ?? '', /does not contain/);
    assert.deepEqual(room.state.total, resourcesOf('cpus:4;mem:1024;disk:100'));
  });

  test('waits for a full disk, and is carried out in its turn', async (t) => {
    const room = await open(t);
    let full = true;
    room.onMark = () => {
      if (full) throw new Error('the disk is full');
    };
    apply(room, 'u1', reserve, 'o1');
    apply(room, 'u2', create, 'o2');
    await settle();
    assert.deepEqual(outcomes(room), []);
    assert.deepEqual(
      operationMessages(room.state, 'S').map(({ latest_status }) => latest_status.uuid),
      [undefined, undefined],
    );
    full = false;
    room.clock.advance(1000);
    await settle();
    assert.deepEqual(states(outcomes(room)), ['u1 OPERATION_FINISHED', 'u2 OPERATION_FINISHED']);
  });

  test('said twice is carried out once', async (t) => {
    const room = await open(t);
    apply(room, 'u1', reserve, 'o1');
    apply(room, 'u1', reserve, 'o1');
    await settle();
    assert.deepEqual(states(outcomes(room)), ['u1 OPERATION_FINISHED']);
  });

  test('that never arrived is dropped when the master asks', async (t) => {
    const room = await open(t);
    const info = { ...reserve, id: { value: 'o1' } };
    room.performer.receive({
      type: 'RECONCILE_OPERATIONS',
      operations: [{ framework_id: 'F', operation_uuid: 'u1', info }],
    });
    await settle();
    assert.deepEqual(states(outcomes(room)), ['u1 OPERATION_DROPPED']);
  });
});

test('after a restart outcomes are told again, and volumes that were destroyed are removed', async (t) => {
  const room = await open(t);
  const status = { state: 'OPERATION_FINISHED', uuid: { value: 'U' }, operation_id: { value: 'o1' } } as const;
  const kept: Operation = { framework_id: { value: 'F' }, info: destroy, latest_status: status, uuid: { value: 'u1' } };
  room.performer.perform(restoreOperations(room.state, [kept]));
  await settle();
  assert.ok(room.marks.includes('remove v'));
  assert.deepEqual(states(outcomes(room)), ['u1 OPERATION_FINISHED']);
});

test('after a restart a volume that was made again stays', async (t) => {
  const room = await open(t);
  room.state.total = [...resourcesOf('disk:90'), volume];
  const kept: Operation = { info: destroy, latest_status: { state: 'OPERATION_FINISHED' }, uuid: { value: 'u1' } };
  room.performer.perform(restoreOperations(room.state, [kept]));
  await settle();
  assert.ok(!room.marks.includes('remove v'));
});

describe('on the disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-volumes-'));
  after(() => rm(directory, { recursive: true, force: true }));

  test('a volume is a directory of its own, empty when it is made, and gone when it is destroyed', async () => {
    const path = join(directory, 'volumes/roles/a/v');
    assert.equal(volumePath(directory, volume), path);
    await makeVolume(directory, volume);
    await writeFile(join(path, 'file'), 'data');
    await removeVolume(directory, volume);
    assert.deepEqual(await readdir(join(path, '..')), []);
    await removeVolume(directory, volume);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'left'), 'behind');
    await makeVolume(directory, volume);
    assert.deepEqual(await readdir(path), []);
  });

  test('a nested role is one directory; PATH disks have volumes of their own, MOUNT disks are emptied', async () => {
    const nested: Resource = { ...volume, reservations: [{ type: 'DYNAMIC', role: 'a/b' }] };
    assert.equal(volumePath('/w', nested), '/w/volumes/roles/a b/v');
    assert.equal(volumePath('/w', reserved), undefined);
    const on = (source: NonNullable<Resource['disk']>['source']): Resource => ({
      ...volume,
      disk: { ...volume.disk, source },
    });
    assert.equal(volumePath('/w', on({ type: 'PATH', path: { root: '/p' } })), '/p/volumes/roles/a/v');
    const root = join(directory, 'mount');
    await mkdir(root);
    await writeFile(join(root, 'file'), 'data');
    await removeVolume('/w', on({ type: 'MOUNT', mount: { root } }));
    assert.deepEqual(await readdir(root), []);
  });

  test('the checkpoint is read as it was written; what cannot be read is not passed over', async () => {
    const meta = join(directory, 'meta');
    assert.deepEqual(readOldCheckpoint(meta), { resources: [], operations: [] });
    await mkdir(meta);
    const operation: Operation = {
      info: create,
      latest_status: { state: 'OPERATION_FINISHED' },
      uuid: { value: 'dXU=' },
    };
    const content = { resources: [volume], operations: [operation] };
    const text = JSON.stringify(content);
    assert.deepEqual(readCheckpoint(text, 'there'), content);
    await writeFile(join(meta, 'resources.json'), text);
    assert.deepEqual(readOldCheckpoint(meta), content);
    await writeFile(join(meta, 'resources.json'), text.slice(0, 20));
    assert.throws(() => readOldCheckpoint(meta), { code: 'MESITA_CHECKPOINT_INVALID' });
    assert.throws(() => readCheckpoint('{"resources":[{"name":"cpus"}]}', 'there'), {
      code: 'MESITA_CHECKPOINT_INVALID',
    });
  });
});

describe('at its start an agent has', () => {
  test('what operations made of its resources, static reservations included', () => {
    const refined: Resource = {
      ...volume,
      reservations: [
        { type: 'STATIC', role: 'a' },
        { type: 'DYNAMIC', role: 'a/b' },
      ],
    };
    const total = withCheckpointed(resourcesOf('cpus:4;disk:50;disk(a):20'), [volume, refined]);
    assert.equal(
      sortedText(total),
      'cpus:4; disk(reservations: [(DYNAMIC,a)])[v:data]:10; disk(reservations: [(STATIC,a),(DYNAMIC,a/b)])[v:data]:10; disk(reservations: [(STATIC,a)]):10; disk:40',
    );
    assert.equal(checkpointedPart(total).length, 2);
  });

  test('no volumes that do not fit any more: it does not start', () => {
    assert.throws(() => withCheckpointed(resourcesOf('cpus:4;disk:5'), [volume]), {
      code: 'MESITA_CHECKPOINT_INCOMPATIBLE',
    });
  });
});
