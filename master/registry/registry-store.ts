/** What the registry is divided into; registry/records.ts says what is kept in each. */
export const registryTables = [
  'agents',
  'unreachable',
  'gone',
  'frameworks',
  'completed',
  'quotas',
  'weights',
  'maintenance',
] as const;

export type RegistryTable = (typeof registryTables)[number];

/** One entry of a table, as a text of JSON; without a value it is removed. */
export interface RegistryRecord {
  readonly table: RegistryTable;
  readonly key: string;
  readonly value: string | undefined;
}

/** The registry as it is when a master takes it over. */
export interface OpenRegistry {
  /** A UUID that was made with the registry. */
  readonly cluster: string;
  /** One more than that of the master before; from 1. */
  readonly epoch: number;
  /** Each has a value; no two have the same table and key. */
  readonly records: readonly RegistryRecord[];
}

/**
 * Where a master keeps what its successors must know. Declared by the registry, whatever it is kept in.
 *
 *     open ──► write … write ──► close
 *
 * INVARIANTS
 * - What a resolved `write` wrote is in every later `open`, of this process or another; of one that rejected it is there whole or not at all.
 * - Writes come into effect in the order in which they were asked for.
 * - From the moment in which `open` resolves nobody who opened it before can write any more. Where two cannot have it open, the second `open`
 *   rejects with MESITA_WORK_DIR_IN_USE instead.
 */
export interface RegistryStore {
  /** Takes it over, once. Rejects with the store's own coded errors, and with what the signal was aborted with. */
  open(signal?: AbortSignal): Promise<OpenRegistry>;
  /**
   * All of it or nothing, durably; later records of one key count. Rejects with MESITA_REGISTRY_FENCED where another epoch has begun, and with the store's own
   * errors; whether the last write came into effect is not known then.
   */
  write(records: readonly RegistryRecord[]): Promise<void>;
  /** Waits for what was written. A registry that was never opened is closed too. */
  close(): Promise<void>;
}
