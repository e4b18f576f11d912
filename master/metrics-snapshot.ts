import type { Resource, Task, TaskState } from '../protocol/messages.ts';
import { scalarOf } from '../protocol/resources.ts';
import { type Snapshot, snapshotOf } from '../runtime/metrics-route.ts';
import { systemMetrics } from '../runtime/system-metrics.ts';
import { resourcesOfExecutors } from './documents/executors.ts';
import { consumption, type RoleShares, roleShares } from './documents/roles.ts';
import { frameworkMetrics } from './framework-metrics.ts';
import { messageOfCall } from './metrics.ts';
import { isActive, type MasterState, usedResources } from './state.ts';

type Metric = [string, number];

/** Every metric of the master, for `/metrics/snapshot` and GET_METRICS alike. `now`: milliseconds since the epoch. */
export function metricsSnapshot(state: MasterState, now: number): Snapshot {
  const { counters, allocationRun, allocationLatency, registryFetch, registryStore } = state.metrics;
  return snapshotOf([
    ...zeros.map((name): Metric => [name, 0]),
    ...clusterGauges(state, now),
    ...taskGauges(state),
    ...pendingOperations(state),
    ...resourceGauges(state),
    ...allocatorGauges(state),
    ...allocationRun.entries('allocator/mesos/allocation_run_ms'),
    ...allocationLatency.entries('allocator/mesos/allocation_run_latency_ms'),
    ...registryFetch.entries('registrar/state_fetch_ms'),
    ...registryStore.entries('registrar/state_store_ms'),
    ...counters,
    ...[...state.frameworks.values(), ...state.completedFrameworks.values()].flatMap(frameworkMetrics),
    ...systemMetrics(),
  ]);
}

const operationStates = [
  'total',
  'pending',
  'recovering',
  'unreachable',
  'finished',
  'failed',
  'error',
  'dropped',
  'gone_by_operator',
] as const;

/** Counters are there before anything was counted: exporters want to see a 0. */
const zeros: readonly string[] = [
  ...['dropped_messages', 'recovery_slave_removals', 'slave_registrations', 'slave_reregistrations'],
  ...['slave_removals', 'slave_removals/reason_unhealthy', 'slave_removals/reason_unregistered'],
  ...['slave_removals/reason_registered', 'slave_unreachable_scheduled', 'slave_unreachable_completed'],
  ...['slave_unreachable_canceled', 'slave_shutdowns_scheduled', 'slave_shutdowns_completed'],
  ...['slave_shutdowns_canceled', 'http_cache_hits'],
  ...['event_queue_messages', 'event_queue_dispatches', 'event_queue_http_requests'],
  ...['finished', 'failed', 'killed', 'lost', 'error', 'dropped', 'gone', 'gone_by_operator'].map(
    (state) => `tasks_${state}`,
  ),
  ...[
    ...Object.values(messageOfCall),
    ...['register_framework', 'reregister_framework', 'deactivate_framework', 'executor_to_framework'],
    ...['register_slave', 'reregister_slave', 'unregister_slave', 'status_update', 'operation_status_update'],
    ...['exited_executor', 'update_slave', 'authenticate'],
  ].map((message) => `messages_${message}`),
  ...[
    'framework_to_executor_messages',
    'executor_to_framework_messages',
    'status_updates',
    'status_update_acknowledgements',
    'operation_status_updates',
    'operation_status_update_acknowledgements',
  ].flatMap((kind) => [`valid_${kind}`, `invalid_${kind}`]),
  ...['', '/create', '/destroy', '/reserve', '/unreserve', '/grow_volume', '/shrink_volume', '/create_disk']
    .concat('/destroy_disk')
    .flatMap((type) => operationStates.map((name) => `operations${type}/${name}`)),
].map((name) => `master/${name}`);

function clusterGauges(state: MasterState, now: number): Metric[] {
  const agents = [...state.agents.values()];
  const frameworks = [...state.frameworks.values()];
  const connected = agents.filter((agent) => agent.connected).length;
  const active = agents.filter(isActive).length;
  const subscribed = frameworks.filter((framework) => framework.connected).length;
  return [
    ['master/uptime_secs', (now - state.startedAt) / 1000],
    ['master/elected', state.reign === undefined ? 0 : 1],
    ['master/slaves_connected', connected],
    ['master/slaves_disconnected', agents.length - connected],
    ['master/slaves_active', active],
    ['master/slaves_inactive', agents.length - active],
    ['master/slaves_unreachable', state.unreachableAgents.size],
    ['master/frameworks_connected', subscribed],
    ['master/frameworks_disconnected', frameworks.length - subscribed],
    ['master/frameworks_active', subscribed],
    ['master/frameworks_inactive', frameworks.length - subscribed],
    ['master/outstanding_offers', state.offers.size],
    ['master/operator_event_stream_subscribers', 0],
  ];
}

const active = ['STAGING', 'STARTING', 'RUNNING', 'KILLING', 'UNREACHABLE'] as const;

function taskGauges(state: MasterState): Metric[] {
  const total = new Map<TaskState, number>();
  const add = (task: Task) => total.set(task.state, (total.get(task.state) ?? 0) + 1);
  for (const { tasks, unreachableTasks } of state.frameworks.values()) {
    for (const task of tasks.values()) add(task);
    for (const task of unreachableTasks.values()) add(task);
  }
  return active.map((name) => [`master/tasks_${name.toLowerCase()}`, total.get(`TASK_${name}`) ?? 0]);
}

function pendingOperations(state: MasterState): Metric[] {
  const pending = [...state.agents.values()]
    .flatMap(({ operations }) => [...operations.values()])
    .filter(({ latest_status }) => latest_status.state === 'OPERATION_PENDING');
  const byType = Map.groupBy(pending, ({ info }) => (info.type ?? 'unknown').toLowerCase());
  return [
    ['master/operations/pending', pending.length],
    ...[...byType].map(([type, some]): Metric => [`master/operations/${type}/pending`, some.length]),
  ];
}

const resourceNames = ['cpus', 'gpus', 'mem', 'disk'] as const;

function resourceGauges(state: MasterState): Metric[] {
  const agents = [...state.agents.values()].filter((agent) => agent.connected);
  const total = agents.flatMap((agent) => agent.total);
  const used = agents.flatMap(({ tasks, executors }) => [
    ...usedResources(tasks.values()),
    ...resourcesOfExecutors(executors.values()),
  ]);
  return resourceNames.flatMap((name) => [
    ...usage(`master/${name}`, name, total.filter(isFirm), used.filter(isFirm)),
    ...usage(`master/${name}_revocable`, name, total.filter(isRevocable), used.filter(isRevocable)),
  ]);
}

const isRevocable = (resource: Resource) => resource.revocable !== undefined;
const isFirm = (resource: Resource) => resource.revocable === undefined;

function usage(prefix: string, name: string, total: readonly Resource[], used: readonly Resource[]): Metric[] {
  const [all, taken] = [scalarOf(total, name), scalarOf(used, name)];
  return [
    [`${prefix}_total`, all],
    [`${prefix}_used`, taken],
    [`${prefix}_percent`, all === 0 ? 0 : taken / all],
  ];
}

function allocatorGauges(state: MasterState): Metric[] {
  const total = [...state.agents.values()].flatMap((agent) => agent.total);
  const names = resourceNames.filter((name) => scalarOf(total, name) > 0);
  const roles = roleShares(state);
  const filters = state.allocator.filtersByRole();
  const held = [...roles.values()].flatMap(({ allocated, offered }) => [...allocated, ...offered]);
  return [
    ['allocator/event_queue_dispatches', 0],
    ['allocator/mesos/event_queue_dispatches', 0],
    ['allocator/mesos/allocation_runs', state.metrics.allocationRun.count],
    // Those of every agent are there before the first agent is.
    ...[...new Set(['cpus', 'mem', 'disk', ...names])].flatMap((name): Metric[] => [
      [`allocator/mesos/resources/${name}/total`, scalarOf(total, name)],
      [`allocator/mesos/resources/${name}/offered_or_allocated`, scalarOf(held, name)],
    ]),
    ...[...roles].filter(isInUse).flatMap(([role, { allocated, offered }]): Metric[] => {
      const own = [...allocated, ...offered];
      const shares = names.map((name) => scalarOf(own, name) / scalarOf(total, name));
      return [
        [`allocator/mesos/roles/${role}/shares/dominant`, Math.max(0, ...shares)],
        [`allocator/mesos/offer_filters/roles/${role}/active`, filters.get(role) ?? 0],
      ];
    }),
    ...consumptionGauges(roles),
    ...quotaGauges(state),
  ];
}

/** Whether there is more of a role than what an operator set for it. */
function isInUse([, { frameworks, allocated, offered, reserved }]: [string, RoleShares]): boolean {
  return frameworks.length + allocated.length + offered.length + reserved.length > 0;
}

/** What counts against quotas: of each role with those below it, and of the nameless root of all roles. */
function consumptionGauges(roles: ReadonlyMap<string, RoleShares>): Metric[] {
  return [...consumption(roles)].flatMap(([role, resources]) =>
    resourceNames
      .map(
        (name): Metric => [`allocator/mesos/quota/roles/${role}/resources/${name}/consumed`, scalarOf(resources, name)],
      )
      .filter(([, amount]) => amount > 0),
  );
}

function quotaGauges({ quotas }: MasterState): Metric[] {
  return [...quotas].flatMap(([role, { guarantees, limits }]) =>
    Object.entries({ guarantee: guarantees, limit: limits }).flatMap(([kind, amounts]) =>
      [...amounts].map(
        ([name, amount]): Metric => [`allocator/mesos/quota/roles/${role}/resources/${name}/${kind}`, amount],
      ),
    ),
  );
}
