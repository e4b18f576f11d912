import type { OpenRegistry, RegistryRecord, RegistryStore } from '../../master/registry/registry-store.ts';

/** A registry whose writes wait until the test says what becomes of them. */
export class ScriptedRegistry implements RegistryStore {
  readonly writes: { keys: string[]; settle: (error?: Error) => void }[] = [];
  closed = false;

  async open(): Promise<OpenRegistry> {
    return { cluster: 'c', epoch: 1, records: [] };
  }

  write(records: readonly RegistryRecord[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error?: Error) => (error === undefined ? resolve() : reject(error));
    this.writes.push({ keys: records.map(({ key, value }) => (value === undefined ? `-${key}` : key)), settle });
    return promise;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
