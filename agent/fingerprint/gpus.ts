import { access } from 'node:fs/promises';
import si from 'systeminformation';
import type { Resource } from '../../protocol/messages.ts';
import { scalar } from './fact.ts';

/** `gpus`: NVIDIA's, where their driver is loaded; others cannot be handed to containers. */
export async function gpus(): Promise<Resource[]> {
  const driver = await access('/dev/nvidiactl').then(
    () => true,
    () => false,
  );
  if (!driver) return [];
  const { controllers } = await si.graphics();
  return scalar('gpus', controllers.filter(({ vendor }) => /nvidia/i.test(vendor)).length);
}
