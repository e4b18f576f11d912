import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteRegistry } from '../../master/registry/sqlite-registry.ts';
import { registryContract } from './registry-contract.ts';

registryContract('SQLite', { takesOver: false }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-registry-'));
  return {
    connect: () => new SqliteRegistry(join(directory, 'registry.sqlite')),
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
});
