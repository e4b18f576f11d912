import { MemoryRegistry, RegistryMemory } from '../../master/registry/memory-registry.ts';
import { registryContract } from './registry-contract.ts';

registryContract('memory', { takesOver: true }, async () => {
  const memory = new RegistryMemory();
  return { connect: () => new MemoryRegistry(memory), dispose: async () => undefined };
});
