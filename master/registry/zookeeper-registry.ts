import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { MesitaError } from '../../protocol/errors.ts';
import { JuteReader, JuteWriter } from '../../runtime/zookeeper/jute.ts';
import type { Access, Change } from '../../runtime/zookeeper/operations.ts';
import type { ZooKeeperSession } from '../../runtime/zookeeper/session.ts';
import { isProblem } from '../../runtime/zookeeper/zookeeper-error.ts';
import type { OpenRegistry, RegistryRecord, RegistryStore } from './registry-store.ts';

export interface ZooKeeperRegistryOptions {
  /** Somebody else's, who closes it; there is one when the registry is opened. */
  session(): ZooKeeperSession;
  path: string;
  /** For what is made here. */
  access: readonly Access[];
}

/** What the node at the path says; its version is what every write depends on. */
interface Head {
  readonly format: number;
  readonly cluster: string;
  readonly epoch: number;
}

/** A bucket as it shall be. */
interface BucketChange {
  readonly bucket: number;
  readonly data: Buffer;
}

const format = 1;
const buckets = 512;
// A server takes messages of less than 1 MiB; what else is in one beside the content of a bucket is less than 100 bytes each.
const largestMessage = 900_000;
const beside = 100;
const committed = Buffer.from('committed');
const nothing = Buffer.alloc(0);

const [pack, unpack] = [promisify(deflateRaw), promisify(inflateRaw)];

/**
 * A registry in ZooKeeper.
 *
 *     <path>            the cluster's name and the epoch
 *     <path>/000 … 511  the records, by a hash of table and key: compressed JSON, [table, key, value] each
 *     <path>/journal    writes too large for one message: their parts, which count from the moment when the node says `committed`
 *
 * Every change goes with a check of the version of `<path>`: who opens the registry next changes it, and from then on the servers refuse whatever
 * comes from those before.
 */
export class ZooKeeperRegistry implements RegistryStore {
  readonly #options: ZooKeeperRegistryOptions;
  readonly #journal: string;
  /** As they are in ZooKeeper. */
  readonly #buckets: Buffer[] = Array.from({ length: buckets }, () => nothing);
  /** The version of the head while this one has the registry. */
  #version: number | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ZooKeeperRegistryOptions) {
    this.#options = options;
    this.#journal = `${options.path}/journal`;
  }

  /** Rejects with MESITA_ZOOKEEPER_UNREACHABLE, MESITA_ZOOKEEPER_REFUSED, MESITA_DATABASE_TOO_NEW. */
  async open(signal: AbortSignal = new AbortController().signal): Promise<OpenRegistry> {
    signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      return await Promise.race([this.#open(signal), aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  write(records: readonly RegistryRecord[]): Promise<void> {
    const written = this.#writing.then(() => this.#write(records));
    this.#writing = written.catch(() => {
      // What is there is not known any more.
      this.#version = undefined;
    });
    return written;
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#version = undefined;
  }

  async #open(signal: AbortSignal): Promise<OpenRegistry> {
    const { session, path, access } = this.#options;
    await session().createPath(path, access);
    const { cluster, epoch } = await this.#takeOver(signal);
    await session().createPath(this.#journal, access);
    await this.#makeBuckets();
    await this.#settleJournal();
    const records: RegistryRecord[] = [];
    await Promise.all(
      this.#buckets.map(async (_, bucket) => {
        const data = (await session().get(this.#pathOf(bucket)))?.data ?? nothing;
        this.#buckets[bucket] = data;
        records.push(...(await unpacked(data)));
      }),
    );
    signal.throwIfAborted();
    return { cluster, epoch, records };
  }

  /** From here on the servers refuse what others write. */
  async #takeOver(signal: AbortSignal): Promise<Head> {
    const { session, path } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      const { data, version } = (await session().get(path)) ?? { data: nothing, version: 0 };
      const known: Head = data.length > 0 ? JSON.parse(data.toString()) : { format, cluster: randomUUID(), epoch: 0 };
      if (known.format > format) {
        const message = `The registry at ${path} has format ${known.format}, and this version knows formats up to ${format}`;
        throw new MesitaError('MESITA_DATABASE_TOO_NEW', { message });
      }
      const head = { format, cluster: known.cluster, epoch: known.epoch + 1 };
      try {
        this.#version = await session().set(path, Buffer.from(JSON.stringify(head)), version);
        return head;
      } catch (error) {
        // Somebody else was quicker, or it was done and the answer got lost: then there is one more epoch, and nobody in the one between.
        if (!isProblem(error, 'bad version', 'connection lost')) throw error;
      }
    }
  }

  async #makeBuckets(): Promise<void> {
    const { session, path, access } = this.#options;
    const there = new Set(await session().children(path));
    const missing = this.#buckets.map((_, bucket) => bucket).filter((bucket) => !there.has(nameOf(bucket)));
    if (missing.length === 0) return;
    const made = (bucket: number): Change => ({
      type: 'create',
      path: this.#pathOf(bucket),
      data: nothing,
      options: { access },
    });
    await this.#change(missing.map(made), 'node exists');
  }

  async #write(records: readonly RegistryRecord[]): Promise<void> {
    const byBucket = Map.groupBy(records, bucketOf);
    const changed = await Promise.all(
      [...byBucket].map(async ([bucket, changes]): Promise<BucketChange> => {
        const content = new Map(
          (await unpacked(this.#buckets[bucket] ?? nothing)).map((record) => [nameIn(record), record]),
        );
        for (const record of changes) {
          if (record.value === undefined) content.delete(nameIn(record));
          else content.set(nameIn(record), record);
        }
        return { bucket, data: await packed([...content.values()]) };
      }),
    );
    const parts = partsOf(changed);
    const [only] = parts;
    if (only !== undefined && parts.length === 1) await this.#change(this.#settings(only));
    else if (only !== undefined) await this.#writeParts(parts);
    else await this.#change([]);
    for (const { bucket, data } of changed) this.#buckets[bucket] = data;
  }

  async #writeParts(parts: readonly BucketChange[][]): Promise<void> {
    const { access } = this.#options;
    for (const [number, part] of parts.entries()) {
      const create: Change = { type: 'create', path: this.#partPath(number), data: encoded(part), options: { access } };
      await this.#change([create], 'node exists');
    }
    await this.#change([{ type: 'set', path: this.#journal, data: committed }]);
    await this.#applyParts(parts.map((part, number) => [this.#partPath(number), part]));
  }

  async #applyParts(parts: readonly [path: string, part: BucketChange[]][]): Promise<void> {
    for (const [path, part] of parts)
      await this.#change([...this.#settings(part), { type: 'remove', path }], 'no node');
    await this.#change([{ type: 'set', path: this.#journal, data: nothing }]);
  }

  /** Brings to its end what the master before was at when it ended, or undoes it. */
  async #settleJournal(): Promise<void> {
    const { session } = this.#options;
    const names = ((await session().children(this.#journal)) ?? []).sort();
    const paths = names.map((name) => `${this.#journal}/${name}`);
    if ((await session().get(this.#journal))?.data.equals(committed) === true) {
      const parts: [string, BucketChange[]][] = [];
      for (const path of paths) parts.push([path, decoded((await session().get(path))?.data ?? encoded([]))]);
      await this.#applyParts(parts);
    } else if (paths.length > 0) {
      await this.#change(
        paths.map((path) => ({ type: 'remove', path })),
        'no node',
      );
    }
  }

  #settings(part: readonly BucketChange[]): Change[] {
    return part.map(({ bucket, data }) => ({ type: 'set', path: this.#pathOf(bucket), data }));
  }

  /**
   * All of the changes, while this is the latest epoch. A broken connection leaves it open whether they were made: they are made again, and `done` is what the
   * servers say then if they were.
   */
  async #change(changes: readonly Change[], done?: 'node exists' | 'no node'): Promise<void> {
    const { session, path } = this.#options;
    for (;;) {
      if (this.#version === undefined) throw fenced(path);
      try {
        await session().multi([{ type: 'check', path, version: this.#version }, ...changes]);
        return;
      } catch (error) {
        if (isProblem(error, 'bad version')) throw fenced(path);
        if (done !== undefined && isProblem(error, done)) return;
        if (!isProblem(error, 'connection lost')) throw error;
      }
    }
  }

  #pathOf(bucket: number): string {
    return `${this.#options.path}/${nameOf(bucket)}`;
  }

  #partPath(number: number): string {
    return `${this.#journal}/${String(number).padStart(6, '0')}`;
  }
}

function fenced(path: string): MesitaError {
  return new MesitaError('MESITA_REGISTRY_FENCED', {
    message: `Another master has taken over the registry at ${path}`,
  });
}

function nameOf(bucket: number): string {
  return String(bucket).padStart(3, '0');
}

function nameIn({ table, key }: RegistryRecord): string {
  return `${table}/${key}`;
}

/** FNV-1a: the same in every version, since it says where a record is. */
function bucketOf(record: RegistryRecord): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(nameIn(record))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % buckets;
}

async function packed(records: readonly RegistryRecord[]): Promise<Buffer> {
  if (records.length === 0) return nothing;
  return pack(JSON.stringify(records.map(({ table, key, value }) => [table, key, value])), { level: 1 });
}

async function unpacked(data: Buffer): Promise<RegistryRecord[]> {
  if (data.length === 0) return [];
  const rows: [RegistryRecord['table'], string, string][] = JSON.parse((await unpack(data)).toString());
  return rows.map(([table, key, value]) => ({ table, key, value }));
}

/** What goes into one message each. */
function partsOf(changes: readonly BucketChange[]): BucketChange[][] {
  const parts: BucketChange[][] = [];
  let room = 0;
  for (const change of changes) {
    const size = change.data.length + beside;
    if (size > largestMessage) {
      const message = `A part of the registry takes ${change.data.length} bytes, which is more than ZooKeeper takes in one node`;
      throw new MesitaError('MESITA_ZOOKEEPER_REFUSED', { message });
    }
    if (size > room) {
      parts.push([]);
      room = largestMessage;
    }
    parts.at(-1)?.push(change);
    room -= size;
  }
  return parts;
}

function encoded(part: readonly BucketChange[]): Buffer {
  const writer = new JuteWriter();
  return writer.list(part, ({ bucket, data }) => writer.int(bucket).buffer(data)).frame();
}

function decoded(data: Buffer): BucketChange[] {
  const reader = new JuteReader(data);
  reader.int();
  return reader.list(() => ({ bucket: reader.int(), data: reader.buffer() }));
}
