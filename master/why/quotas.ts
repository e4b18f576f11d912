import type { MasterState } from '../state.ts';
import { isNone, minus, shown } from './amounts.ts';
import type { Amounts } from './answer.ts';

/** The role of the top level, whose quota counts. */
function topOf(role: string): string {
  return role.split('/')[0] ?? role;
}

/** What the limits of a role leave, of those scalars alone that are limited, be it nothing. */
export function leftOf({ allocator }: MasterState, role: string): Amounts {
  const standing = allocator.standing(topOf(role));
  const left = [...(standing?.quota?.limits ?? [])].map(([name, limit]): [string, number] => [
    name,
    Math.max(0, Math.round((limit - (standing?.consumed.get(name) ?? 0)) * 1000) / 1000),
  ]);
  return Object.fromEntries(left);
}

/** What the guarantees of other roles lack, by role. */
export function unmetGuarantees({ quotas, allocator }: MasterState, except: string): Record<string, Amounts> {
  const unmet = [...quotas].flatMap(([role, { guarantees }]): [string, Amounts][] => {
    if (role === topOf(except)) return [];
    const lacks = minus(shown(guarantees), shown(allocator.standing(role)?.consumed ?? new Map()));
    return isNone(lacks) ? [] : [[role, lacks]];
  });
  return Object.fromEntries(unmet);
}
