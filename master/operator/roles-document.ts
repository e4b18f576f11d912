import type { MasterResponseGetRoles } from '../../protocol/messages.ts';
import { roleShares } from '../documents/roles.ts';
import { quantitiesOf, sortedQuantities } from '../quantities.ts';
import type { MasterState } from '../state.ts';

/** The roles that `/roles` lists, each with what is allocated and offered to it: scalars alone, by name. */
export function getRoles(state: MasterState): MasterResponseGetRoles {
  const shares = [...roleShares(state)].sort(([left], [right]) => (left < right ? -1 : 1));
  const roles = shares.map(([name, { frameworks, allocated, offered }]) => ({
    name,
    weight: state.weights.get(name) ?? 1,
    frameworks: frameworks.map((value) => ({ value })),
    resources: sortedQuantities(quantitiesOf([...allocated, ...offered])).map(([resource, value]) => ({
      name: resource,
      type: 'SCALAR' as const,
      scalar: { value },
    })),
  }));
  return { roles };
}
