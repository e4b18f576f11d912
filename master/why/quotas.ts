import type { MasterState } from '../state.ts';
import { isNone, minus, shown } from './amounts.ts';
import type { Amounts } from './answer.ts';
import { topOf } from './question.ts';

/** What the guarantees of other roles lack, by role. */
export function unmetGuarantees({ quotas, allocator }: MasterState, except: string): Record<string, Amounts> {
  const unmet = [...quotas].flatMap(([role, { guarantees }]): [string, Amounts][] => {
    if (role === topOf(except)) return [];
    const lacks = minus(shown(guarantees), shown(allocator.standing(role)?.consumed ?? new Map()));
    return isNone(lacks) ? [] : [[role, lacks]];
  });
  return Object.fromEntries(unmet);
}
