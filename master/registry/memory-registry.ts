import { randomUUID } from 'node:crypto';
import { MesitaError } from '../../protocol/errors.ts';
import type { OpenRegistry, RegistryRecord, RegistryStore } from './registry-store.ts';

/** What masters of one process, one after the other, have in common. */
export class RegistryMemory {
  readonly cluster = randomUUID();
  epoch = 0;
  /** By table and key. */
  readonly records = new Map<string, RegistryRecord>();
}

/** `--registry=in_memory`: nothing outlives the process. */
export class MemoryRegistry implements RegistryStore {
  readonly #memory: RegistryMemory;
  #epoch: number | undefined;

  constructor(memory = new RegistryMemory()) {
    this.#memory = memory;
  }

  async open(signal?: AbortSignal): Promise<OpenRegistry> {
    signal?.throwIfAborted();
    const { cluster, records } = this.#memory;
    this.#epoch = ++this.#memory.epoch;
    return { cluster, epoch: this.#epoch, records: [...records.values()] };
  }

  async write(records: readonly RegistryRecord[]): Promise<void> {
    if (this.#epoch !== this.#memory.epoch) {
      throw new MesitaError('MESITA_REGISTRY_FENCED', { message: 'Another master has taken over the registry' });
    }
    for (const record of records) {
      const key = `${record.table}/${record.key}`;
      if (record.value === undefined) this.#memory.records.delete(key);
      else this.#memory.records.set(key, record);
    }
  }

  async close(): Promise<void> {
    this.#epoch = undefined;
  }
}
