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
  'agents-end-their-tasks': 'on purpose',
  timing: 'on purpose',
  executors: 'not yet',
  containers: 'not yet',
  'allocator-settings': 'not yet',
  'operator-operations': 'not yet',
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

/** Whatever is said of tasks of those names, in events and in documents. */
function about(names: string): RegExp {
  return new RegExp(`(^event (UPDATE|TASK_ADDED|TASK_UPDATED) |tasks\\[|executors\\[)(${names})(?![\\w-])`);
}

const rules: readonly Rule[] = [
  { reason: 'own-version', path: /\b(git_sha|mesita_version)$/ },
  { reason: 'own-flags', path: /\bflags[.[][^.\]]*\]?(\.value)?$/ },
  { reason: 'own-capabilities', path: /(master_info|body)\.capabilities\[/ },
  { reason: 'own-metrics', path: /^body\.(get_metrics\.metrics\[|[a-z_]+\/)/, problem: /^is (missing|extra)$/ },
  { reason: 'own-facts', path: /attributes(\[|\.)(os|arch|kernel|cpu_model|virtual)\b/ },
  { reason: 'no-executor-process', path: /container_status\.executor_pid$/, problem: /missing/ },
  // What is found wrong earlier or later, or not at all.
  {
    reason: 'everything-in-containers',
    path: /^event UPDATE ((baduser|badfetch|limitsok) \w+|badexe TASK_RUNNING|(novalue2?|dockbridgebad|dockvol) TASK_STARTING)$/,
  },
  {
    reason: 'everything-in-containers',
    path: about(
      'bad(user|fetch|exe)|limitsok|novalue2?|nosuchcontainer|dock(noimage|badcmd|bridge|bridgebad|vol)|maxtime|killearly',
    ),
    problem: /^(?!does not come)/,
  },
  {
    reason: 're-offers',
    path: /^event (OFFERS \S*|OFFERS\.unavailability|RESCIND|RESCIND\.rescind\.offer_id\.value)$/,
  },
  { reason: 're-offers', path: /^event OFFERS\.resources\[.*(\]|\.scalar\.value|\.ranges\.range.*)$/ },
  {
    reason: 're-offers',
    path: /\boffers\[[^\]]*\](\.executor_ids|\.resources(\[.*\]|\.\w+|\[.*(\.scalar\.value|\.ranges\.range.*)))?$/,
  },
  { reason: 're-offers', path: /\b(offered_resources\w*|frameworks\[[^\]]*\]\.resources)\b/ },
  { reason: 're-offers', path: /(UPDATE big TASK_ERROR|UPDATE_OPERATION_STATUS opbad).*message$/ },
  { reason: 'reasons-in-state', path: /statuses\[\d+\]\.(message|reason)$/, problem: /extra/ },
  { reason: 'no-inspect-data', path: /\bstatus(es\[\d+\])?\.data$/, problem: /missing/ },
  { reason: 'containers', exchange: /^agent:(\/containers|.*(CONTAINER|RESOURCE_PROVIDER))/ },
  { reason: 'allocator-settings', exchange: /WEIGHTS|QUOTA|DRAIN|DEACTIVATE|REACTIVATE|\/weights|\/quota/ },
  {
    reason: 'operator-operations',
    exchange: /RESERVE|VOLUME|\/(un)?reserve|\/(create|destroy)-volumes|\[(reserved|volume|after shrink)\]/,
  },
  {
    reason: 'allocator-settings',
    file: /^d_master/,
    exchange: /\[(weights|quota|deactivated|drain[^\]]*|legacy set|removed)\]/,
  },
  {
    reason: 'allocator-settings',
    file: /^d_(master|operator|framework)/,
    path: /^event (UPDATE|TASK_UPDATED) (dcmd TASK_K|dcmd TASK_LOST|ddock TASK_K|ddock TASK_LOST|dlost )/,
  },
  { reason: 'tasks-survive', file: /^d_agent_loss/, path: about('kk-\\w+') },
  { reason: 'tasks-survive', file: /^d_agent_loss/, exchange: /agent (killed|back)/, path: /tasks|resources|slaves/ },
  { reason: 'agents-end-their-tasks', file: /^d_agent_loss/, path: about('us-\\w+') },
  { reason: 'allocator-settings', file: /^d_agent_loss/, path: about('dg-\\w+') },
  { reason: 'allocator-settings', file: /^d_agent_loss/, path: /^event (AGENT_REMOVED|FAILURE)/ },
  { reason: 'allocator-settings', file: /^d_agent_loss/, exchange: /\[drain/ },
  // What the drain of the agent would have killed is lost when its machine goes down.
  {
    reason: 'allocator-settings',
    file: /^d_master/,
    exchange: /\[(machine down|down|after teardown)\]/,
    path: /tasks\[|roles/,
  },
  // Whether the container is there already when its task is said to start.
  { reason: 'timing', path: /\bgf?[12]\b.*(STARTING|statuses\[0\]).*network_infos$/ },
  { reason: 'timing', path: /task_updated\.state$/ },
  { reason: 'timing', exchange: /tasks\?limit=1/, path: /^body\.tasks\[/ },
  { reason: 'no-libprocess', exchange: /__processes__|\/system\/stats|\/logging|\/profiler|\/help|\/registrar/ },
  { reason: 'master-files', exchange: /\/master\/log|\/files/ },
  { reason: 'dashboard', exchange: /^query only$|(GET|POST) \/(\?| |master\/? |app\/)/ },
  { reason: 'no-libprocess', exchange: /^libprocess-style/ },
  { reason: 'continue', exchange: /^Expect: 100-continue$/ },
  {
    reason: 'clean-answers',
    exchange:
      /^(garbage|bad method|bad version|bad percent|bare LF|h2c preface|half close|.*%zz.*|SUBSCRIBE then second request.*|no Content-Length, no chunked)$/,
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
