import type { Resource } from '../../protocol/messages.ts';
import { formatResources, parseResources } from '../../protocol/resource-text.ts';
import { normalize, reservationRole } from '../../protocol/resources.ts';
import { UsageEstimator } from './usage-estimator.ts';

/** Says what of an agent may be offered a second time, as revocable resources. */
export interface ResourceEstimator {
  /** Whether it has to know what is used; measuring takes the engine some time. */
  readonly measures: boolean;
  /** Amounts of scalars by name, those that are given as revocable already included. `now`: milliseconds since the epoch. */
  estimate(containers: readonly MeasuredUse[], now: number): ReadonlyMap<string, number>;
}

/** What the tasks of a container were given, and what they use of it. Cores, seconds, MB. */
export interface MeasuredUse {
  readonly container: string;
  /** Nothing of it is revocable. */
  readonly isRegular: boolean;
  readonly given: { readonly cpus: number; readonly mem: number };
  /** Since the container's beginning; undefined where that is not known. */
  readonly used: { readonly cpuSeconds: number; readonly mem: number } | undefined;
}

/** `--resource_estimator`. */
export type EstimatorChoice = { kind: 'fixed'; resources: ReadonlyMap<string, number> } | { kind: 'usage' };

/** Reads `fixed:cpus:2;mem:512` or `usage`. */
export function estimatorChoice(text: string): { value: EstimatorChoice } | { error: string } {
  if (text === 'usage') return { value: { kind: 'usage' } };
  if (!text.startsWith('fixed:')) return { error: 'expected usage, or fixed:RESOURCES such as fixed:cpus:2;mem:512' };
  const parsed = parseResources(text.slice('fixed:'.length), '*');
  if ('error' in parsed) return parsed;
  const odd = parsed.value.find(
    (resource) => resource.type !== 'SCALAR' || reservationRole(resource) !== '*' || resource.disk !== undefined,
  );
  if (odd !== undefined) return { error: `'${formatResources([odd])}' is no plain amount, or reserved` };
  const amounts = normalize(parsed.value).map(({ name, scalar }): [string, number] => [name, scalar?.value ?? 0]);
  return amounts.length === 0
    ? { error: 'nothing is named that may be given twice' }
    : { value: { kind: 'fixed', resources: new Map(amounts) } };
}

export function makeEstimator(choice: EstimatorChoice): ResourceEstimator {
  // As Mesos' fixed estimator: always the same, whatever is used.
  return choice.kind === 'usage' ? new UsageEstimator() : { measures: false, estimate: () => choice.resources };
}

export function revocableResources(amounts: ReadonlyMap<string, number>): Resource[] {
  return normalize(
    [...amounts].map(
      ([name, value]): Resource => ({ name, type: 'SCALAR', scalar: { value }, role: '*', revocable: {} }),
    ),
  );
}
