import type { FrameworkId } from '../../protocol/ids.ts';
import type { Books } from './books.ts';
import type { Client } from './client.ts';
import type { Quantities } from './quantities.ts';
import { change } from './quantities.ts';
import { consumedOf } from './role-quota.ts';
import type { RoleNode } from './role-tree.ts';
import type { Standing } from './standing.ts';

/** Where a role stands, or a framework in it (`client`); undefined when there is none. */
export function standingOf(
  books: Books,
  role: string,
  framework: FrameworkId | undefined,
  client: Client | undefined,
): Standing | undefined {
  const node = books.tree.find(role);
  const contender = framework === undefined ? node : client;
  if (contender === undefined) return undefined;
  const { share, scalar } = books.dominantOf(contender);
  return {
    role,
    framework,
    share,
    dominant: scalar === undefined ? undefined : books.names.nameOf(scalar),
    weight: contender.weight,
    allocated: books.names.shown(contender.allocated),
    quota: contender === node ? node?.quota?.given : undefined,
    consumed: books.names.shown(contender === node && node?.top === node ? consumed(node) : contender.allocated),
    passes: contender === client ? client.passedOver.shown() : [],
  };
}

function consumed(top: RoleNode): Quantities {
  const quantities: Quantities = [];
  const scalars = Math.max(top.unreserved.length, top.reserved.length);
  for (let scalar = 0; scalar < scalars; scalar++) change(quantities, scalar, consumedOf(top, scalar));
  return quantities;
}
