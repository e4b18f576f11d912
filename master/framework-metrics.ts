import type { OfferOperationType, SchedulerCallType, SchedulerEventType, TaskState } from '../protocol/messages.ts';
import { isTerminal, taskStates } from '../protocol/task-state.ts';
import { type Framework, rolesOf } from './state.ts';

type Metric = [string, number];

const calls = [
  'SUBSCRIBE',
  'TEARDOWN',
  'ACCEPT',
  'DECLINE',
  'ACCEPT_INVERSE_OFFERS',
  'DECLINE_INVERSE_OFFERS',
  'REVIVE',
  'KILL',
  'SHUTDOWN',
  'ACKNOWLEDGE',
  'ACKNOWLEDGE_OPERATION_STATUS',
  'RECONCILE',
  'RECONCILE_OPERATIONS',
  'MESSAGE',
  'REQUEST',
  'SUPPRESS',
  'UPDATE_FRAMEWORK',
] as const satisfies SchedulerCallType[];

const events = [
  'SUBSCRIBED',
  'OFFERS',
  'INVERSE_OFFERS',
  'RESCIND',
  'RESCIND_INVERSE_OFFER',
  'UPDATE',
  'UPDATE_OPERATION_STATUS',
  'MESSAGE',
  'FAILURE',
  'ERROR',
  'HEARTBEAT',
] as const satisfies SchedulerEventType[];

const operations = [
  'LAUNCH',
  'LAUNCH_GROUP',
  'RESERVE',
  'UNRESERVE',
  'CREATE',
  'DESTROY',
  'GROW_VOLUME',
  'SHRINK_VOLUME',
  'CREATE_DISK',
  'DESTROY_DISK',
] as const satisfies OfferOperationType[];

const counted: readonly string[] = [
  ...['calls', 'events', 'operations', 'offers/sent', 'offers/accepted', 'offers/declined', 'offers/rescinded'],
  ...calls.map((type) => `calls/${type.toLowerCase()}`),
  ...events.map((type) => `events/${type.toLowerCase()}`),
  ...operations.map((type) => `operations/${type.toLowerCase()}`),
  ...taskStates.filter(isTerminal).map((state) => `tasks/terminal/${state.toLowerCase()}`),
];

/** `master/frameworks/<name>/<id>/…`, of a completed one too as long as it is remembered. */
export function frameworkMetrics(framework: Framework): Metric[] {
  const { info, id, counters, connected, suppressedRoles } = framework;
  const prefix = `master/frameworks/${encodeURIComponent(info.name)}/${id}`;
  const metrics: Metric[] = [
    ['subscribed', connected ? 1 : 0],
    ...counted.map((name): Metric => [name, counters.get(name) ?? 0]),
    ...activeTasks(framework),
    ...rolesOf(info).map((role): Metric => [`roles/${role}/suppressed`, suppressedRoles.has(role) ? 1 : 0]),
  ];
  return metrics.map(([name, value]) => [`${prefix}/${name}`, value]);
}

function activeTasks({ tasks, unreachableTasks }: Framework): Metric[] {
  const total = new Map<TaskState, number>();
  for (const { state } of [...tasks.values(), ...unreachableTasks.values()])
    total.set(state, (total.get(state) ?? 0) + 1);
  return taskStates
    .filter((state) => !isTerminal(state))
    .map((state) => [`tasks/active/${state.toLowerCase()}`, total.get(state) ?? 0]);
}
