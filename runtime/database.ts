import { closeSync, fdatasync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { describeError, MesitaError } from '../protocol/errors.ts';

/** One entry of a table; without a value it is removed. */
export interface Change {
  table: string;
  key: string;
  value: string | undefined;
}

export interface DatabaseOptions {
  /** Names of letters and underscores. Those that are missing are made. */
  tables: readonly string[];
  /** Of what the values look like. A database of a later version is not opened. */
  version: number;
  /** Bytes that are taken of the disk at once, so that about as much can be written when it is full. */
  reserve?: number;
  /** Bytes; larger ones suit large writes. Holds for a database that is made. */
  pageSize?: 4096 | 16384;
}

interface Write {
  readonly changes: readonly Change[];
  readonly settled: PromiseWithResolvers<void>;
}

interface TableStatements {
  put: StatementSync;
  remove: StatementSync;
}

// Bytes, at the most. A large write that does not fit is written twice.
const cacheSize = 32 * 2 ** 20;
// Bytes after which the log is brought into the tables, which holds the event loop.
const longestLog = 64 * 2 ** 20;

// SQLite's primary result codes.
const isBusy = 5;
const isFull = 13;

/**
 * What a daemon must not forget: tables of keys and texts, in one file of SQLite.
 *
 * The writes of one turn of the event loop are one transaction. It is in the write-ahead log at once, where the death of the process does not
 * harm it; `write` resolves when that log is on the disk, where the machine's does not. Waiting for the disk is not the event loop's, and what is
 * written meanwhile waits together: a slow disk makes the groups larger.
 *
 * INVARIANT: one process has it open.
 */
export class Database {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, TableStatements>();
  readonly #log: number;
  #waiting: Write[] = [];
  /** In the log of SQLite, and perhaps not on the disk. */
  #unsynced: Write[] = [];
  #syncing: Promise<void> | undefined;

  /** Throws MESITA_WORK_DIR_IN_USE, MESITA_DATABASE_TOO_NEW, MESITA_DISK_FULL, MESITA_DATABASE_FAILED. */
  constructor(path: string, { tables, version, reserve = 0, pageSize = 4096 }: DatabaseOptions) {
    this.#path = path;
    let database: DatabaseSync | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true });
      database = new DatabaseSync(path);
      database.exec(`PRAGMA page_size = ${pageSize}; PRAGMA cache_size = -${cacheSize / 1024}`);
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      database.exec(`PRAGMA wal_autocheckpoint = ${Math.floor((reserve > 0 ? reserve / 2 : longestLog) / pageSize)}`);
      prepare(database, path, tables, version);
      if (reserve > 0) makeRoom(database, reserve, pageSize);
      for (const table of tables) this.#statements.set(table, statements(database, table));
      this.#log = openSync(`${path}-wal`, 'r+');
      syncDirectory(dirname(path));
    } catch (error) {
      database?.close();
      throw this.#problem('opened', error);
    }
    this.#database = database;
  }

  /** All of a table, by key, in the order of the keys. */
  all(table: string): Map<string, string> {
    const rows = this.#database.prepare(`SELECT key, value FROM ${table} ORDER BY key`).all();
    return new Map(rows.map(({ key, value }) => [String(key), String(value)]));
  }

  /**
   * Resolves when all of it is on the disk; when it rejects, with MESITA_DISK_FULL or MESITA_DATABASE_FAILED, nothing of it counts.
   * Writes come into effect in their order.
   */
  write(changes: readonly Change[]): Promise<void> {
    const settled = Promise.withResolvers<void>();
    if (this.#waiting.push({ changes, settled }) === 1) setImmediate(() => this.#commit());
    return settled.promise;
  }

  /** Waits for what was written. */
  async close(): Promise<void> {
    this.#commit();
    while (this.#syncing !== undefined) await this.#syncing;
    closeSync(this.#log);
    this.#database.close();
  }

  #commit(): void {
    const writes = this.#waiting;
    this.#waiting = [];
    if (writes.length === 0) return;
    try {
      this.#database.exec('BEGIN');
      for (const { changes } of writes) for (const change of changes) this.#apply(change);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      const problem = this.#problem('written', error);
      for (const { settled } of writes) settled.reject(problem);
      return;
    }
    this.#unsynced.push(...writes);
    this.#syncing ??= this.#sync();
  }

  #apply({ table, key, value }: Change): void {
    const statements = this.#statements.get(table);
    if (statements === undefined) throw new Error(`there is no table ${table}`);
    if (value === undefined) statements.remove.run(key);
    else statements.put.run(key, value);
  }

  async #sync(): Promise<void> {
    while (this.#unsynced.length > 0) {
      const writes = this.#unsynced;
      this.#unsynced = [];
      const error = await new Promise<Error | null>((resolve) => fdatasync(this.#log, resolve));
      for (const { settled } of writes) {
        if (error === null) settled.resolve();
        else settled.reject(this.#problem('written', error));
      }
    }
    this.#syncing = undefined;
  }

  #problem(what: string, cause: unknown): MesitaError {
    if (cause instanceof MesitaError) return cause;
    const { errcode, code } = cause as { errcode?: number; code?: string };
    const message = `${this.#path} cannot be ${what}: ${describeError(cause)}`;
    if (primary(errcode) === isBusy)
      return new MesitaError('MESITA_WORK_DIR_IN_USE', { message: `Another process uses ${this.#path}`, cause });
    const isDiskFull = primary(errcode) === isFull || code === 'ENOSPC';
    return new MesitaError(isDiskFull ? 'MESITA_DISK_FULL' : 'MESITA_DATABASE_FAILED', { message, cause });
  }
}

/** The extended codes have it in their lowest byte. */
const primary = (code: number | undefined) => (code === undefined ? undefined : code & 0xff);

function prepare(database: DatabaseSync, path: string, tables: readonly string[], version: number): void {
  const found = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (found > version) {
    const message = `${path} has format ${found}, and this version knows formats up to ${version}`;
    throw new MesitaError('MESITA_DATABASE_TOO_NEW', { message });
  }
  // Written at any rate: without a write there is no log yet, and no lock either.
  database.exec('BEGIN');
  for (const table of tables)
    database.exec(`CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`);
  database.exec(`PRAGMA user_version = ${version}`);
  database.exec('COMMIT');
}

/**
 * Both files keep the size that they once had: what is written goes into free pages of the one, by way of a log that begins anew before it
 * is longer than ever.
 */
function makeRoom(database: DatabaseSync, bytes: number, pageSize: number): void {
  const free = Number(database.prepare('PRAGMA freelist_count').get()?.freelist_count ?? 0);
  if (free * pageSize >= bytes) return;
  // Also on the disk before it is given up again: a file with holes would have no room in them.
  const toDisk = 'PRAGMA wal_checkpoint(RESTART)';
  const filling = `BEGIN; CREATE TABLE room (bytes BLOB); INSERT INTO room VALUES (zeroblob(${bytes})); COMMIT`;
  try {
    database.exec(`DROP TABLE IF EXISTS room; ${filling}; ${toDisk}; DROP TABLE room; ${toDisk}`);
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    // There may be more at the next start.
    if (primary((error as { errcode?: number }).errcode) !== isFull) throw error;
  }
}

function statements(database: DatabaseSync, table: string): TableStatements {
  return {
    put: database.prepare(`INSERT INTO ${table} VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`),
    remove: database.prepare(`DELETE FROM ${table} WHERE key = ?`),
  };
}

/** The names of files are on the disk with it. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
