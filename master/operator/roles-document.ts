import type { MasterResponseGetRoles, Resource } from '../../protocol/messages.ts';
import { toFixedPoint } from '../../protocol/resources.ts';
import { roleShares } from '../documents/roles.ts';
import type { MasterState } from '../state.ts';

/** The roles that `/roles` lists, each with what is allocated and offered to it: scalars alone, by name. */
export function getRoles(state: MasterState): MasterResponseGetRoles {
  const roles = sorted(roleShares(state)).map(([name, { frameworks, allocated, offered }]) => ({
    name,
    weight: 1,
    frameworks: frameworks.map((value) => ({ value })),
    resources: scalarSums([...allocated, ...offered]),
  }));
  return { roles };
}

function scalarSums(resources: readonly Resource[]): Resource[] {
  const thousandths = new Map<string, number>();
  for (const { name, type, scalar } of resources) {
    if (type === 'SCALAR') thousandths.set(name, (thousandths.get(name) ?? 0) + toFixedPoint(scalar?.value ?? 0));
  }
  return sorted(thousandths).map(([name, amount]) => ({ name, type: 'SCALAR', scalar: { value: amount / 1000 } }));
}

function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}
