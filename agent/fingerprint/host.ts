import type { Attribute, Resource } from '../../protocol/messages.ts';
import { cpus } from './cpus.ts';
import { disk } from './disk.ts';
import type { HostContext } from './fact.ts';
import { gpus } from './gpus.ts';
import { mem } from './mem.ts';
import { ports } from './ports.ts';
import { system } from './system.ts';

export interface HostFacts {
  resources: Resource[];
  attributes: Attribute[];
}

/** Gathers what the host has: one file a fact. Names in `given` are not looked for. */
export async function fingerprint(context: HostContext, given: ReadonlySet<string>): Promise<HostFacts> {
  const facts: Record<string, (context: HostContext) => Promise<Resource[]>> = { cpus, mem, disk, ports, gpus };
  const resources: Resource[] = [];
  for (const [name, fact] of Object.entries(facts)) if (!given.has(name)) resources.push(...(await fact(context)));
  return { resources, attributes: await system(context) };
}
