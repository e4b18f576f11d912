import { agentFlags } from '../../agent/flags.ts';
import { masterFlags } from '../../master/flags.ts';
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
  containers: 'not yet',
  'allocator-settings': 'not yet',
  'operator-operations': 'not yet',
  dashboard: 'not yet',
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

const flags = [...Object.entries<{ mesos: boolean }>(masterFlags), ...Object.entries<{ mesos: boolean }>(agentFlags)];
const ofMesos = flags.filter(([, { mesos }]) => mesos);
const ofMesita = flags.filter(([, { mesos }]) => !mesos);

function named(some: typeof flags): string {
  return some.map(([name]) => name).join('|');
}

function flag(names: string): RegExp {
  return new RegExp(`\\bflags[.[](${names})\\]?(\\.value)?$`);
}

const rules: readonly Rule[] = [
  { reason: 'own-version', path: /\b(git_sha|mesita_version)$/ },
  { reason: 'own-flags', path: flag(`(?!(${named(ofMesos)})\\b)\\w+`), problem: /missing/ },
  { reason: 'own-flags', path: flag(named(ofMesita)), problem: /extra/ },
  // Where the tests start it otherwise than Mesos was, and where a default is another.
  { reason: 'own-flags', path: flag('master|port|work_dir|registration_backoff_factor|executor_registration_timeout') },
  { reason: 'own-flags', path: flag('hostname|fetcher_cache_dir'), problem: /missing/ },
  { reason: 'own-flags', path: flag('containerizers|cgroups_enable_cfs|enforce_container_disk_quota') },
  { reason: 'own-capabilities', path: /(master_info|body)\.capabilities\[/ },
  {
    reason: 'own-metrics',
    path: /^body\.(get_metrics\.metrics\[)?(registrar\/\w+|allocator\/mesos\/offer_filters\/roles\/\w+\/active)/,
    problem: /missing/,
  },
  {
    reason: 'own-metrics',
    path: /^body\.(get_metrics\.metrics\[)?(containerizer\/mesos|resource_provider_manager|slave\/recovery_time_secs)/,
    problem: /missing/,
  },
  {
    reason: 'allocator-settings',
    file: /^d_(master|agent_loss)/,
    path: /^body\.(get_metrics\.metrics\[)?master\/task_\w+\/source_\w+\/reason_slave_(draining|removed)\b/,
  },
  { reason: 'own-facts', path: /attributes(\[|\.)(os|arch|kernel|cpu_model|virtual)\b/ },
  { reason: 'no-executor-process', path: /container_status\.executor_pid$/, problem: /missing/ },
  // Mesos' executor of a single task holds resources besides, and outlives it by a second.
  { reason: 'no-executor-process', exchange: /^agent:/, path: /completed_executors\[[^\]]+\]\.resources\.(cpus|mem)$/ },
  {
    reason: 'no-executor-process',
    exchange: /^agent:\/state with volume$/,
    path: /\.unreserved_resources_allocated\.(cpus|mem)$|executors\[pv1\]$|frameworks\[[^\]]*\]$/,
  },
  // A pod uses what its containers use, has their network, and no process of its own.
  {
    reason: 'everything-in-containers',
    exchange: /^agent:(\/containers group running|GET_CONTAINERS nested)$/,
    path: /statistics\.(cpus_\w+_time_secs|cpus_limit|mem_\w+_bytes|processes)$|status\.(network_infos|executor_pid)$/,
  },
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
    path: /^event (OFFERS \S*|RESCIND|RESCIND\.rescind\.offer_id\.value)$/,
  },
  { reason: 're-offers', path: /^event OFFERS\.(executor_ids|unavailability)$/, problem: /extra/ },
  { reason: 're-offers', path: /^event OFFERS\.resources\[.*(\]|\.scalar\.value|\.ranges\.range.*)$/ },
  {
    reason: 're-offers',
    path: /\boffers\[[^\]]*\](\.executor_ids|\.resources(\[.*\]|\.\w+|\[.*(\.scalar\.value|\.ranges\.range.*)))?$/,
  },
  { reason: 're-offers', path: /\b(offered_resources\w*|frameworks\[[^\]]*\]\.resources)\b/ },
  { reason: 're-offers', path: /(UPDATE big TASK_ERROR|UPDATE_OPERATION_STATUS opbad).*message$/ },
  { reason: 'reasons-in-state', path: /statuses\[\d+\]\.(message|reason)$/, problem: /extra/ },
  { reason: 'no-inspect-data', path: /\bstatus(es\[\d+\])?\.data$/, problem: /missing/ },
  { reason: 'containers', exchange: /^agent:.*RESOURCE_PROVIDER/ },
  { reason: 'clean-answers', exchange: /^agent:ATTACH_CONTAINER_INPUT recordio garbage$/ },
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
    path: /^event (UPDATE|TASK_UPDATED) ((dcmd|ddock|dcustom) TASK_(K|LOST)|dlost )/,
  },
  { reason: 'tasks-survive', file: /^d_agent_loss/, path: about('kk-\\w+'), problem: /^(?!does not come)/ },
  { reason: 'tasks-survive', path: /^event \w+ (kk-(aware|plain) TASK_LOST|kk-ckpt TASK_RUNNING again)$/ },
  { reason: 'tasks-survive', file: /^d_agent_loss/, path: /^body\.master\/task_lost\/.*\/reason_slave_disconnected$/ },
  { reason: 'tasks-survive', file: /^d_agent_loss/, exchange: /agent (killed|back)/, path: /tasks|resources|slaves/ },
  { reason: 'agents-end-their-tasks', file: /^d_agent_loss/, path: about('us-\\w+'), problem: /^(?!does not come)/ },
  { reason: 'agents-end-their-tasks', path: /^event \w+ us-plain TASK_LOST$/ },
  { reason: 'allocator-settings', file: /^d_agent_loss/, path: about('dg-\\w+'), problem: /^(?!does not come)/ },
  { reason: 'allocator-settings', path: /^event \w+ dg-\w+ TASK_(KILLED|GONE_BY_OPERATOR)( again)?$/ },
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
