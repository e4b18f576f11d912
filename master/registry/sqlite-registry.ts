import { randomUUID } from 'node:crypto';
import { MesitaError } from '../../protocol/errors.ts';
import { type Change, Database } from '../../runtime/database.ts';
import { type OpenRegistry, type RegistryRecord, type RegistryStore, registryTables } from './registry-store.ts';

const version = 1;

/** Of the registry itself. */
const own = 'registry';

/** A registry in one file. Its lock is what keeps a second master out, on this machine; it goes with the process that holds it. */
export class SqliteRegistry implements RegistryStore {
  readonly #path: string;
  #database: Database | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with MESITA_WORK_DIR_IN_USE, MESITA_DATABASE_TOO_NEW, MESITA_DISK_FULL, MESITA_DATABASE_FAILED. */
  async open(signal?: AbortSignal): Promise<OpenRegistry> {
    signal?.throwIfAborted();
    const database = new Database(this.#path, { tables: [own, ...registryTables], version, pageSize: 16384 });
    this.#database = database;
    const known = database.all(own);
    const cluster = known.get('cluster') ?? randomUUID();
    const epoch = Number(known.get('epoch') ?? 0) + 1;
    await database.write([entry('cluster', cluster), entry('epoch', String(epoch))]);
    const records: RegistryRecord[] = [];
    for (const table of registryTables) {
      for (const [key, value] of database.all(table)) records.push({ table, key, value });
    }
    return { cluster, epoch, records };
  }

  async write(records: readonly RegistryRecord[]): Promise<void> {
    if (this.#database === undefined) {
      throw new MesitaError('MESITA_REGISTRY_FENCED', { message: `${this.#path} is not open` });
    }
    await this.#database.write(records);
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await database?.close();
  }
}

function entry(key: string, value: string): Change {
  return { table: own, key, value };
}
