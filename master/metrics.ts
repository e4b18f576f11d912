import type { SchedulerCallType, SchedulerEvent, TaskStatus } from '../protocol/messages.ts';
import { Timer } from '../runtime/timer.ts';
import type { Framework, MasterState } from './state.ts';

/** What is counted as it happens; whatever follows from the state is computed when somebody asks. */
export interface Metrics {
  /** By Mesos' names, e.g. `master/slave_registrations`. What has never been counted is absent. */
  readonly counters: Counters;
  readonly allocationRun: Timer;
  readonly allocationLatency: Timer;
}

export type Counters = Map<string, number>;

export function newMetrics(): Metrics {
  return { counters: new Map(), allocationRun: new Timer(), allocationLatency: new Timer() };
}

/** One more of `name`, e.g. `master/slave_registrations`. */
export function count(state: Pick<MasterState, 'metrics'>, name: string, by = 1): void {
  increment(state.metrics.counters, name, by);
}

/** One more of a framework's own metric, e.g. `offers/declined`. */
export function countFor(framework: Pick<Framework, 'counters'>, name: string, by = 1): void {
  increment(framework.counters, name, by);
}

function increment(counters: Counters, name: string, by: number): void {
  counters.set(name, (counters.get(name) ?? 0) + by);
}

/** The metric of each scheduler call among the master's own. */
export const messageOfCall: Partial<Record<SchedulerCallType, string>> = {
  TEARDOWN: 'unregister_framework',
  ACCEPT: 'launch_tasks',
  DECLINE: 'decline_offers',
  REVIVE: 'revive_offers',
  SUPPRESS: 'suppress_offers',
  KILL: 'kill_task',
  ACKNOWLEDGE: 'status_update_acknowledgement',
  ACKNOWLEDGE_OPERATION_STATUS: 'operation_status_update_acknowledgement',
  RECONCILE: 'reconcile_tasks',
  RECONCILE_OPERATIONS: 'reconcile_operations',
  MESSAGE: 'framework_to_executor',
  REQUEST: 'resource_request',
};

/** A call of a subscribed framework, about to be carried out. */
export function countCall(state: MasterState, framework: Framework, type: SchedulerCallType): void {
  const message = messageOfCall[type];
  if (message !== undefined) count(state, `master/messages_${message}`);
  countFor(framework, 'calls');
  countFor(framework, `calls/${type.toLowerCase()}`);
}

/** An event on its way to a framework. */
export function countEvent(framework: Framework, event: SchedulerEvent): void {
  countFor(framework, 'events');
  countFor(framework, `events/${(event.type ?? 'unknown').toLowerCase()}`);
  if (event.offers !== undefined) countFor(framework, 'offers/sent', event.offers.offers?.length ?? 0);
  if (event.rescind !== undefined) countFor(framework, 'offers/rescinded');
}

/** The end of a task, or its refusal. `status`: what its framework is told. */
export function countEnd(state: MasterState, framework: Framework | undefined, status: TaskStatus): void {
  const name = status.state.toLowerCase();
  count(state, `master/tasks_${name.slice('task_'.length)}`);
  if (framework !== undefined) countFor(framework, `tasks/terminal/${name}`);
  if (status.source === undefined) return;
  const source = v0Name(status.source);
  const reason = status.reason === undefined ? '' : `/${v0Name(status.reason)}`;
  if (reason !== '') count(state, `master/${name}/${source}${reason}`);
}

function v0Name(name: string): string {
  return name.replaceAll('AGENT', 'SLAVE').toLowerCase();
}
