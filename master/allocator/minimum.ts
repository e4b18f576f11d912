import type { FrameworkInfo } from '../../protocol/messages.ts';
import { parseResources } from '../../protocol/resource-text.ts';

/** What makes an offer worth making: all amounts of one of the entries. Nothing is too little when there are no entries. */
export type Minimum = readonly ReadonlyMap<string, number>[];

/** Reads `cpus:0.01|mem:32`, the form of `--min_allocatable_resources`. */
export function parseMinimum(text: string): { value: Minimum } | { error: string } {
  const entries: Map<string, number>[] = [];
  for (const part of text.split('|').filter((piece) => piece.trim() !== '')) {
    const parsed = parseResources(part, '*');
    if ('error' in parsed) return parsed;
    const other = parsed.value.find((resource) => resource.type !== 'SCALAR');
    if (other !== undefined) return { error: `${other.name} is not an amount` };
    entries.push(new Map(parsed.value.map(({ name, scalar }) => [name, scalar?.value ?? 0])));
  }
  return { value: entries };
}

/** By role: what a framework asks for in `offer_filters` instead of the master's minimum. */
export function minimumsOf(info: FrameworkInfo): Map<string, Minimum> {
  const minimums = new Map<string, Minimum>();
  for (const [role, { min_allocatable_resources: asked }] of Object.entries(info.offer_filters ?? {})) {
    if (asked === undefined) continue;
    const entries = (asked.quantities ?? []).map(
      ({ quantities = {} }) => new Map(Object.entries(quantities).map(([name, { value }]) => [name, value])),
    );
    minimums.set(role, entries);
  }
  return minimums;
}
