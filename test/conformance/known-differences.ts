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
  'nested-commands': 'on purpose',
  'internal-fields': 'on purpose',
  'message-texts': 'on purpose',
  'everything-in-containers': 'on purpose',
  'clean-answers': 'on purpose',
  continue: 'on purpose',
  'no-libprocess': 'on purpose',
  'tasks-survive': 'on purpose',
  'agents-end-their-tasks': 'on purpose',
  'one-end': 'on purpose',
  'drained-agents-return': 'on purpose',
  'frameworks-remembered': 'on purpose',
  'resource-order': 'on purpose',
  timing: 'on purpose',
  containers: 'not yet',
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

/** What the agent says of two tasks, a command and a Docker task, and of what is nested in them. */
const ofAgent: readonly Rule[] = (
  [
    { reason: 'no-executor-process', path: /executor_info\.(command\.(shell|value|arguments)|resources)$/ },
    {
      reason: 'no-executor-process',
      path: /(executors\[\w+\]\.resources|unreserved_resources_allocated)\.(cpus|mem)$/,
    },
    { reason: 'no-executor-process', path: /statistics\.(cpus_soft_limit|mem_soft_limit_bytes)$/ },
    // What the executor of a command writes of itself.
    { reason: 'no-executor-process', path: /(body|file_infos)\[1\]\.size$/ },
    { reason: 'no-executor-process', exchange: /\/files\/download.*stderr/, path: /^(body|headers.content-length)$/ },
    { reason: 'everything-in-containers', path: /statistics\.(cpus_limit|mem_total_bytes)$/, problem: /extra/ },
    { reason: 'everything-in-containers', path: /status\.(network_infos|executor_pid)$/ },
    { reason: 'own-metrics', path: /containerizer\/docker\/image_pull_ms/, problem: /extra/ },
    { reason: 'clean-answers', exchange: /\/files\/browse.*\[traversal\]/ },
    { reason: 'nested-commands', exchange: /^agent:GET_CONTAINERS nested$/, path: /\.resource_statistics$/ },
    { reason: 'nested-commands', exchange: /\[nested (dir|sandbox)\]$|NESTED_CONTAINER under docker$/ },
    { reason: 'nested-commands', exchange: /ATTACH_CONTAINER_OUTPUT (top-level|docker)/ },
    { reason: 'nested-commands', exchange: /CONTAINER_SESSION s1/, path: /^event DATA STDOUT\.data\.data$/ },
    { reason: 'timing', exchange: /ATTACH_CONTAINER_OUTPUT s6/, path: /^event DATA STDOUT$/, problem: /extra/ },
    // Whether it runs already.
    {
      reason: 'timing',
      exchange: /GET_CONTAINERS standalone$/,
      path: /containers\[standalone1\]\.resource_statistics$/,
      problem: /missing/,
    },
    // What it uses is measured a moment after it runs, which the recorded answer came before.
    {
      reason: 'timing',
      exchange: /GET_CONTAINERS standalone$/,
      path: /\[standalone1\]\.resource_statistics\.(cpus_(user|system)_time_secs|mem_rss_bytes)$/,
      problem: /extra/,
    },
  ] as const
).map((rule) => ({ ...rule, file: /^e_agent$/ }));

/** What Mesos leaves to `docker run` to refuse, a task's executor finds out, or says in other words. */
const ofDockerTasks: readonly Rule[] = (
  [
    { path: /^event UPDATE (volbothrel|pmhost|pmnores) TASK_STARTING$/, problem: /does not come/ },
    {
      path: /^event UPDATE \w+ TASK_FAILED\.update\.status\.(message|source|reason|container_status)$/,
      problem: /^(?!.*REASON_)/,
    },
    { path: /tasks\[(volbothrel|pmhost|pmnores)\]\.statuses(\[\d+\]\.\w+)?$/ },
    { path: /tasks\[(force|notag)\]\.statuses\[\d+\]\.container_status$/, problem: /extra/ },
    { path: /^event UPDATE gpu-uris TASK_STARTING\.update\.status\.(source|message)$/ },
    // Mesos says `--rm`, which the executor's removal of the container gets in the way of.
    { path: about('params') },
    { path: /^event FAILURE dexc\.failure\.status$/ },
  ] as const
).map((rule) => ({ ...rule, reason: 'everything-in-containers', file: /^j_docker_tasks$/ }));

const ofOffers: readonly Rule[] = [
  /^event (OFFERS \S*|RESCIND(\.rescind\.offer_id\.value)?)$/,
  /^event OFFERS\.(executor_ids|unavailability)$/,
  /^event OFFERS\.resources\[.*\]$/,
  /\boffers\[[^\]]*\](\.executor_ids|\.resources(\[.*\]|\.\w+|\[.*\.(scalar\.value|ranges\.range.*)))?$/,
  /\b(offered_resources\w*|frameworks\[[^\]]*\]\.resources)\b/,
  /(UPDATE big TASK_ERROR|UPDATE_OPERATION_STATUS opbad).*message$/,
].map((path) => ({ reason: 're-offers', file: /^[bcd]_/, path }));

const rules: readonly Rule[] = [
  // Mesos prints the two messages in protobuf's text form.
  {
    reason: 'message-texts',
    path: /^event UPDATE t3 TASK_ERROR\.update\.status\.message$/,
    problem: /^"ExecutorInfo is not comp.* "ExecutorInfo is not comp/,
  },
  // Fields of the internal protocol, which only protobuf carries along.
  {
    reason: 'internal-fields',
    file: /^f_executor_exp$/,
    path: /^event SUBSCRIBED\.subscribed\.agent_info\.checkpoint$/,
  },
  { reason: 'own-version', path: /\b(git_sha|mesita_version)$/ },
  { reason: 'own-flags', path: flag(`(?!(${named(ofMesos)})\\b)\\w+`), problem: /missing/ },
  { reason: 'own-flags', path: flag(named(ofMesita)), problem: /extra/ },
  // Where the tests start it otherwise than Mesos was, and where a default is another.
  { reason: 'own-flags', path: flag('master|port|work_dir|registration_backoff_factor|executor_registration_timeout') },
  { reason: 'own-flags', path: flag('hostname|fetcher_cache_dir'), problem: /missing/ },
  {
    reason: 'own-flags',
    path: flag(
      'containerizers|cgroups_enable_cfs|enforce_container_disk_quota|executor_reregistration_timeout|reconfiguration_policy',
    ),
  },
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
    reason: 'drained-agents-return',
    file: /^d_master/,
    path: /^body\.(get_metrics\.metrics\[)?master\/task_(dropped|lost)\/source_\w+\/reason_slave_(draining|removed)\b/,
  },
  { reason: 'one-end', file: /^d_agent_loss/, path: /^body\.master\/task_\w+\/source_\w+\/reason_slave_draining\b/ },
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
    exchange: /^agent:(\/containers( group running)?|GET_CONTAINERS nested|\/monitor\/statistics)$/,
    path: /statistics\.(cpus_\w+_time_secs|cpus_limit|mem_\w+_bytes|processes)$|status\.(network_infos|executor_pid)$/,
  },
  // The first process of a container does not end by SIGTERM, unless it says so.
  {
    reason: 'everything-in-containers',
    path: /\bstatus(es\[[^\]]+\])?\.message$/,
    problem: /^"Command terminated with signal Killed" instead of "Command terminated with signal Terminated"$/,
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
  // How much is in an offer; in the sessions of schedulers and operators also which offers there are, and what is said of them.
  { reason: 're-offers', path: /^event OFFERS\.resources\[.*\]\.(scalar\.value|ranges\.range.*)$/ },
  { reason: 're-offers', path: /^event OFFERS \S*$/, problem: /^comes within another$/ },
  // Only offers that hold something of what is needed are rescinded: what is in another is not among what is there.
  {
    reason: 're-offers',
    exchange: /^op:RESERVE_RESOURCES too much$/,
    path: /^body$/,
    problem:
      /^"cpus:[\d.]+; mem:\d+; (disk:9936; .* does not contain disk:99999)" instead of "cpus:1\.4; mem:1920; \1"$/,
  },
  ...ofOffers,
  ...ofAgent,
  ...ofDockerTasks,
  { reason: 'reasons-in-state', path: /statuses\[\d+\]\.(message|reason)$/, problem: /extra/ },
  { reason: 'no-inspect-data', path: /\bstatus(es\[[^\]]+\])?\.data$/, problem: /missing/ },
  { reason: 'containers', exchange: /^agent:.*RESOURCE_PROVIDER/ },
  { reason: 'clean-answers', exchange: /^agent:ATTACH_CONTAINER_INPUT recordio garbage$/ },
  { reason: 're-offers', exchange: /\[(weights|quota|reserved)\]$/, path: /roles\[[^\]]*\]\.(resources|offered)\b/ },
  { reason: 'resource-order', exchange: /^op:(UNRESERVE_RESOURCES while volume|GROW_VOLUME)$/, path: /^body$/ },
  { reason: 'drained-agents-return', file: /^d_(master|operator|framework)/, path: about('dlost') },
  { reason: 'tasks-survive', file: /^d_agent_loss/, path: about('kk-\\w+'), problem: /^(?!does not come)/ },
  { reason: 'tasks-survive', path: /^event \w+ (kk-(aware|plain) TASK_LOST|kk-ckpt TASK_RUNNING again)$/ },
  { reason: 'tasks-survive', file: /^d_agent_loss/, path: /^body\.master\/task_lost\/.*\/reason_slave_disconnected$/ },
  { reason: 'tasks-survive', file: /^d_agent_loss/, exchange: /agent (killed|back)/, path: /tasks|resources|slaves/ },
  { reason: 'agents-end-their-tasks', file: /^d_agent_loss/, path: about('us-\\w+'), problem: /^(?!does not come)/ },
  { reason: 'agents-end-their-tasks', path: /^event \w+ us-plain TASK_LOST$/ },
  // The client acknowledges what was recorded, and so not TASK_KILLING: what follows waits for that.
  { reason: 'one-end', file: /^d_agent_loss/, path: about('dg-\\w+') },
  { reason: 'one-end', file: /^d_agent_loss/, path: /^event (AGENT_REMOVED|FAILURE)/ },
  { reason: 'one-end', file: /^d_agent_loss/, exchange: /\[drain mark_gone/ },
  { reason: 'frameworks-remembered', file: /^k_.*_replog$/, path: /frameworks\[[^\]]*\]$/, problem: /extra/ },
  // Mesos looks at the clock twice, and says so where it had moved.
  { reason: 'timing', file: /^k_/, path: /frameworks\[[^\]]*\]\.reregistered_time$/, problem: /missing/ },
  // How far the kills are.
  { reason: 'timing', exchange: /\[draining\]$/, path: /(used_resources|_resources_allocated|executors\[)/ },
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
