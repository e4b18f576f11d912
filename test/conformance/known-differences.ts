import type { Difference } from './comparison.ts';

/** Why something is different: on purpose, or because it is not there yet. Each is a row of docs/compatibility.md. */
export const reasons = {
  'own-version': 'on purpose',
  'own-flags': 'on purpose',
  'own-capabilities': 'on purpose',
  'own-metrics': 'on purpose',
  'own-facts': 'on purpose',
  'no-executor-process': 'on purpose',
  're-offers': 'on purpose',
  'reasons-in-state': 'on purpose',
  'no-inspect-data': 'on purpose',
  'everything-in-containers': 'on purpose',
  'clean-answers': 'on purpose',
  continue: 'on purpose',
  'no-libprocess': 'on purpose',
  'tasks-survive': 'on purpose',
  executors: 'not yet',
  containers: 'not yet',
  'allocator-settings': 'not yet',
  dashboard: 'not yet',
  'master-files': 'not yet',
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

/** Tasks of the recordings with a health check or another check; pods and custom executors. */
const needExecutor =
  /^event (UPDATE|TASK_ADDED|TASK_UPDATED) (hc\w*|check\w*|g[12]|gf[12]|gbad\w*|dcustom|exnores|extiny|exdefault|exnocmd)\b|^event FAILURE/;

const rules: readonly Rule[] = [
  { reason: 'own-version', path: /\b(git_sha|mesita_version)$/ },
  { reason: 'own-flags', path: /\bflags[.[][^.\]]*\]?(\.value)?$/ },
  { reason: 'own-capabilities', path: /(master_info|body)\.capabilities\[/ },
  { reason: 'own-metrics', path: /^body\.(get_metrics\.metrics\[|[a-z_]+\/)/, problem: /^is (missing|extra)$/ },
  { reason: 'own-facts', path: /attributes(\[|\.)(os|arch|kernel|cpu_model|virtual)\b/ },
  { reason: 'no-executor-process', path: /container_status\.executor_pid$/, problem: /missing/ },
  { reason: 'executors', path: needExecutor },
  { reason: 're-offers', path: /^event (OFFERS|RESCIND)\b/ },
  { reason: 're-offers', path: /\b(offers\[|offered_resources|frameworks\[[^\]]*\]\.resources\.)/ },
  { reason: 'reasons-in-state', path: /statuses\[\d+\]\.(message|reason)$/, problem: /extra/ },
  { reason: 'no-inspect-data', path: /\bstatus(es\[\d+\])?\.data$/, problem: /missing/ },
  { reason: 'executors', exchange: /^exec:/ },
  { reason: 'containers', exchange: /^agent:.*(CONTAINER|RESOURCE_PROVIDER)/ },
  { reason: 'allocator-settings', exchange: /WEIGHTS|QUOTA|DRAIN|DEACTIVATE|REACTIVATE|\/weights|\/quota/ },
  { reason: 'dashboard', exchange: /^query only$|GET \/(\?| |master\/? )/ },
  { reason: 'no-libprocess', exchange: /^libprocess-style/ },
  { reason: 'continue', exchange: /^Expect: 100-continue$/ },
  {
    reason: 'clean-answers',
    exchange:
      /^(garbage|bad method|bad version|bad percent|bare LF|h2c preface|half close|SUBSCRIBE then second request.*|no Content-Length, no chunked)$/,
  },
];

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
