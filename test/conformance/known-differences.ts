import type { Difference } from './comparison.ts';

/** Why something is different: on purpose, or because it is not there yet. Each is a row of docs/compatibility.md. */
export const reasons = {
  unsent: 'not yet',
} as const satisfies Record<string, 'on purpose' | 'not yet'>;

export type Reason = keyof typeof reasons;

/** Which differences a reason explains. Patterns that are left out match everything. */
interface Rule {
  reason: Reason;
  file?: RegExp;
  exchange?: RegExp;
  path?: RegExp;
  problem?: RegExp;
}

const rules: readonly Rule[] = [];

/** The reason for a difference; undefined for one that nobody wants. */
export function explain(file: string, exchange: string, { path, problem }: Difference): Reason | undefined {
  return rules.find(
    (rule) =>
      (rule.file?.test(file) ?? true) &&
      (rule.exchange?.test(exchange) ?? true) &&
      (rule.path?.test(path) ?? true) &&
      (rule.problem?.test(problem) ?? true),
  )?.reason;
}
