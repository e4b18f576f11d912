import type { Resource, TaskState } from '../protocol/messages.ts';
import { scalarOf } from '../protocol/resources.ts';
import { isTerminal } from '../protocol/task-state.ts';
import { type Snapshot, snapshotOf } from '../runtime/metrics-route.ts';
import { systemMetrics } from '../runtime/system-metrics.ts';
import type { Timer } from '../runtime/timer.ts';
import { endedAs } from './completed-tasks.ts';
import { resourcesInUse, runsOf } from './executor-tasks.ts';
import type { AgentIdentity } from './identity.ts';
import type { AgentState, Run, TaskRecord } from './state.ts';

/** What the launcher measures. */
export interface LaunchMetrics {
  readonly imagePull: Timer;
  readonly sandboxes: {
    readonly pending: number;
    readonly maxAllowedAge: number;
    readonly removals: { readonly succeeded: number; readonly failed: number };
  };
  fetchesSucceeded: number;
  fetchesFailed: number;
  readonly fetcherCache: { readonly totalBytes: number; readonly usedBytes: number };
}

type Metric = [string, number];

/** Every metric of the agent, for `/metrics/snapshot` and GET_METRICS alike. `now`: milliseconds since the epoch. */
export function metricsSnapshot(
  state: AgentState,
  identity: AgentIdentity,
  launches: LaunchMetrics,
  now: number,
): Snapshot {
  const tasks = [...state.tasks.values()];
  const runs = runsOf(state);
  const frameworks = new Set([...tasks, ...runs].map(({ framework }) => framework.id?.value));
  return snapshotOf([
    ['slave/uptime_secs', (now - identity.startedAt) / 1000],
    ['slave/registered', identity.registered ? 1 : 0],
    ['slave/frameworks_active', frameworks.size],
    ...taskMetrics(tasks),
    ...executorMetrics(runs),
    ...ends(state, tasks),
    ...resourceMetrics([...state.total, ...(state.oversubscribed ?? [])], resourcesInUse(state)),
    ['slave/executor_directory_max_allowed_age_secs', launches.sandboxes.maxAllowedAge],
    ['gc/path_removals_pending', launches.sandboxes.pending],
    ['gc/path_removals_succeeded', launches.sandboxes.removals.succeeded],
    ['gc/path_removals_failed', launches.sandboxes.removals.failed],
    ...launches.imagePull.entries('containerizer/docker/image_pull_ms'),
    ['containerizer/fetcher/task_fetches_succeeded', launches.fetchesSucceeded],
    ['containerizer/fetcher/task_fetches_failed', launches.fetchesFailed],
    ['containerizer/fetcher/cache_size_total_bytes', launches.fetcherCache.totalBytes],
    ['containerizer/fetcher/cache_size_used_bytes', launches.fetcherCache.usedBytes],
    ...systemMetrics(),
  ]);
}

function taskMetrics(tasks: readonly TaskRecord[]): Metric[] {
  const inState = (state: TaskState) => tasks.filter((task) => task.state === state).length;
  return [
    ['slave/tasks_staging', inState('TASK_STAGING')],
    ['slave/tasks_starting', inState('TASK_STARTING')],
    ['slave/tasks_running', inState('TASK_RUNNING')],
    ['slave/tasks_killing', inState('TASK_KILLING')],
  ];
}

function executorMetrics(runs: readonly Run[]): Metric[] {
  const stages = runs.map((run) => {
    if (run.kind === 'executor') return run.stage;
    if (run.phase === 'preparing') return 'registering';
    return run.phase === 'ended' ? 'terminated' : run.ending === undefined ? 'running' : 'terminating';
  });
  return (['registering', 'running', 'terminating'] as const).map((wanted) => [
    `slave/executors_${wanted}`,
    stages.filter((stage) => stage === wanted).length,
  ]);
}

const counted = [
  ...['tasks_finished', 'tasks_failed', 'tasks_killed', 'tasks_lost', 'tasks_gone', 'executors_terminated'],
  ...['executors_preempted', 'container_launch_errors', 'recovery_errors'],
  ...['valid_status_updates', 'invalid_status_updates', 'valid_framework_messages', 'invalid_framework_messages'],
];

/** Tasks that are over count whether they have been forgotten or not. */
function ends(state: AgentState, tasks: readonly TaskRecord[]): Metric[] {
  const totals = new Map([...counted.map((name): Metric => [name, 0]), ...state.counters]);
  for (const task of tasks) {
    if (!isTerminal(task.state)) continue;
    for (const name of endedAs(task)) totals.set(name, (totals.get(name) ?? 0) + 1);
  }
  return [...totals].map(([name, value]) => [`slave/${name}`, value]);
}

function resourceMetrics(total: readonly Resource[], used: readonly Resource[]): Metric[] {
  const of = (prefix: string, name: string, wanted: (resource: Resource) => boolean): Metric[] => {
    const [all, taken] = [scalarOf(total.filter(wanted), name), scalarOf(used.filter(wanted), name)];
    return [
      [`${prefix}_total`, all],
      [`${prefix}_used`, taken],
      [`${prefix}_percent`, all === 0 ? 0 : taken / all],
    ];
  };
  return ['cpus', 'gpus', 'mem', 'disk'].flatMap((name) => [
    ...of(`slave/${name}`, name, ({ revocable }) => revocable === undefined),
    ...of(`slave/${name}_revocable`, name, ({ revocable }) => revocable !== undefined),
  ]);
}
