import type { QuotaQuotaStatus, ValueScalar, WeightInfo } from '../../protocol/messages.ts';
import { type Quantities, sortedQuantities } from '../quantities.ts';
import type { MasterState } from '../state.ts';

/** What GET_QUOTA tells: every quota in both forms. */
export function quotaStatus({ quotas }: MasterState): QuotaQuotaStatus {
  if (quotas.size === 0) return {};
  const infos = [...quotas].map(([role, { guarantees }]) => ({
    role,
    guarantee: sortedQuantities(guarantees).map(([name, value]) => ({
      name,
      type: 'SCALAR' as const,
      scalar: { value },
    })),
  }));
  const configs = [...quotas].map(([role, { guarantees, limits }]) => ({
    role,
    ...(guarantees.size === 0 ? {} : { guarantees: scalars(guarantees) }),
    ...(limits.size === 0 ? {} : { limits: scalars(limits) }),
  }));
  return { infos, configs };
}

/** What GET_WEIGHTS tells. */
export function weightInfos({ weights }: MasterState): WeightInfo[] {
  return [...weights].map(([role, weight]) => ({ weight, role }));
}

function scalars(amounts: Quantities): Record<string, ValueScalar> {
  return Object.fromEntries(sortedQuantities(amounts).map(([name, value]) => [name, { value }]));
}
