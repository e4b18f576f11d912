import type { Resource } from '../../protocol/messages.ts';

/** `ports`: the range that Mesos offers by default. */
export async function ports(): Promise<Resource[]> {
  return [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 32000 }] } }];
}
