import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { OpenRegistry, RegistryRecord, RegistryStore } from '../../master/registry/registry-store.ts';

export interface RegistryRoom {
  /** One that is not open yet, of the same registry each time. */
  connect(): RegistryStore;
  dispose(): Promise<void>;
}

export interface RegistryTraits {
  /** Whether who opens it puts out who has it open, rather than being kept out. */
  takesOver: boolean;
}

/** What every registry must do, whatever it is kept in. */
export function registryContract(name: string, { takesOver }: RegistryTraits, open: () => Promise<RegistryRoom>): void {
  const inRoom = (body: (connect: () => RegistryStore) => Promise<void>) => async (_context: TestContext) => {
    const room = await open();
    const stores: RegistryStore[] = [];
    try {
      await body(() => {
        const store = room.connect();
        stores.push(store);
        return store;
      });
    } finally {
      for (const store of stores) await store.close();
      await room.dispose();
    }
  };

  describe(`a registry in ${name}`, () => {
    it(
      'is empty at first, and has the same name in every epoch',
      inRoom(async (connect) => {
        const [first, second] = [connect(), connect()];
        const before = await first.open();
        assert.deepEqual(before.records, []);
        assert.equal(before.epoch, 1);
        assert.match(before.cluster, /^[0-9a-f-]{36}$/);
        await first.close();
        const after = await second.open();
        assert.deepEqual([after.cluster, after.epoch], [before.cluster, 2]);
      }),
    );

    it(
      'has all that was written, removed or replaced, when it is opened again',
      inRoom(async (connect) => {
        const first = connect();
        await first.open();
        const odd = JSON.stringify({ text: 'ä\u0000😀/..%', big: 2 ** 60, list: [null, true] });
        await first.write([record('agents', 'M-S0', '{"a":1}'), record('agents', 'M-S1', '{}')]);
        await first.write([record('agents', 'M-S0', undefined), record('unreachable', 'M-S0', odd)]);
        await first.write([
          record('weights', 'a/ü b', '2'),
          record('weights', 'a/ü b', '3'),
          record('gone', 'no', '1'),
        ]);
        await first.write([record('gone', 'no', undefined), record('frameworks', 'never', undefined)]);
        await first.write([]);
        await first.close();
        assert.deepEqual(shown(await connect().open()), [
          record('agents', 'M-S1', '{}'),
          record('unreachable', 'M-S0', odd),
          record('weights', 'a/ü b', '3'),
        ]);
      }),
    );

    it(
      'takes many writes at a time, in their order',
      inRoom(async (connect) => {
        const first = connect();
        await first.open();
        const writes = Array.from({ length: 50 }, (_, index) =>
          first.write([record('agents', 'same', String(index)), record('agents', `own ${index}`, '0')]),
        );
        await Promise.all(writes);
        await first.close();
        const { records } = await connect().open();
        assert.equal(records.length, 51);
        assert.equal(records.find(({ key }) => key === 'same')?.value, '49');
      }),
    );

    it(
      'takes ten thousand records in one write',
      inRoom(async (connect) => {
        const first = connect();
        await first.open();
        const info = JSON.stringify({ text: 'x'.repeat(500) });
        await first.write(Array.from({ length: 10_000 }, (_, index) => record('agents', `S${index}`, info)));
        await first.close();
        const { records } = await connect().open();
        assert.equal(records.length, 10_000);
        assert.ok(records.every(({ value }) => value === info));
      }),
    );

    it(
      'takes no write before it is opened, and none after it is closed',
      inRoom(async (connect) => {
        const store = connect();
        await assert.rejects(store.write([record('gone', 'a', '1')]), { code: 'MESITA_REGISTRY_FENCED' });
        await store.open();
        await store.close();
        await assert.rejects(store.write([record('gone', 'a', '1')]), { code: 'MESITA_REGISTRY_FENCED' });
        await store.close();
        assert.deepEqual((await connect().open()).records, []);
      }),
    );

    it(
      'is not opened for whom it is too late',
      inRoom(async (connect) => {
        const reason = new Error('too late');
        await assert.rejects(connect().open(AbortSignal.abort(reason)), reason);
        assert.equal((await connect().open()).epoch, 1);
      }),
    );

    if (takesOver) {
      it(
        'has one writer: who opened it last',
        inRoom(async (connect) => {
          const [first, second] = [connect(), connect()];
          await first.open();
          await first.write([record('gone', 'a', '1')]);
          assert.deepEqual(shown(await second.open()), [record('gone', 'a', '1')]);
          await assert.rejects(first.write([record('gone', 'b', '2')]), { code: 'MESITA_REGISTRY_FENCED' });
          await second.write([record('gone', 'c', '3')]);
          await assert.rejects(first.write([record('gone', 'a', undefined)]), { code: 'MESITA_REGISTRY_FENCED' });
          assert.deepEqual(shown(await connect().open()), [record('gone', 'a', '1'), record('gone', 'c', '3')]);
        }),
      );
    } else {
      it(
        'has one writer: who opened it first, until that is closed',
        inRoom(async (connect) => {
          const first = connect();
          await first.open();
          await assert.rejects(connect().open(), { code: 'MESITA_WORK_DIR_IN_USE' });
          await first.write([record('gone', 'a', '1')]);
          await first.close();
          assert.deepEqual(shown(await connect().open()), [record('gone', 'a', '1')]);
        }),
      );
    }
  });
}

function record(table: RegistryRecord['table'], key: string, value: string | undefined): RegistryRecord {
  return { table, key, value };
}

function shown({ records }: OpenRegistry): RegistryRecord[] {
  const place = ({ table, key }: RegistryRecord) => `${table}/${key}`;
  return [...records].sort((left, right) => (place(left) < place(right) ? -1 : 1));
}
