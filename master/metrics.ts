import { asOfferId } from '../protocol/ids.ts';
import type {
  OfferOperationType,
  SchedulerCall,
  SchedulerCallAccept,
  SchedulerCallType,
  SchedulerEvent,
  TaskStatus,
} from '../protocol/messages.ts';
import { isTerminal } from '../protocol/task-state.ts';
import { Timer } from '../runtime/timer.ts';
import type { Effect } from './effects.ts';
import type { News } from './news.ts';
import type { Framework, MasterState } from './state.ts';

/** What is counted as it happens; whatever follows from the state is computed when somebody asks. */
export interface Metrics {
  /** By Mesos' names, e.g. `master/slave_registrations`. What has never been counted is absent. */
  readonly counters: Counters;
  readonly allocationRun: Timer;
  readonly allocationLatency: Timer;
  /** Of reading the registry, once, and of each write of it. */
  readonly registryFetch: Timer;
  readonly registryStore: Timer;
}

export type Counters = Map<string, number>;

export function newMetrics(): Metrics {
  return {
    counters: new Map(),
    allocationRun: new Timer(),
    allocationLatency: new Timer(),
    registryFetch: new Timer(),
    registryStore: new Timer(),
  };
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
export function countCall(state: MasterState, framework: Framework, call: SchedulerCall): void {
  const { type = 'UNKNOWN' } = call;
  const message = messageOfCall[type];
  if (message !== undefined) count(state, `master/messages_${message}`);
  countFor(framework, 'calls');
  countFor(framework, `calls/${type.toLowerCase()}`);
  if (call.decline !== undefined) countFor(framework, 'offers/declined', call.decline.offer_ids?.length ?? 0);
  if (call.accept !== undefined) countAccept(framework, call.accept);
}

/** A LAUNCH counts once for each of its tasks, as in Mesos. */
function countAccept(framework: Framework, { offer_ids = [], operations = [] }: SchedulerCallAccept): void {
  const valid = offer_ids.filter(({ value }) => framework.offers.has(asOfferId(value)));
  countFor(framework, 'offers/accepted', valid.length);
  for (const { type, launch } of operations) {
    const times = launch?.task_infos?.length ?? 1;
    countFor(framework, 'operations', times);
    countFor(framework, `operations/${(type ?? 'unknown').toLowerCase()}`, times);
  }
}

/** What became of an ACCEPT: tasks that were refused have no life that could end otherwise. */
export function countRefusals(state: MasterState, framework: Framework, effects: readonly Effect[]): void {
  for (const effect of effects) {
    const status = effect.kind === 'sendEvent' ? effect.event.update?.status : undefined;
    if (status?.source === 'SOURCE_MASTER' && isTerminal(status.state)) countEnd(state, framework, status);
  }
}

/** News are told once, whatever is repeated on the wire. */
export function countNews(state: MasterState, news: News): void {
  if (news.type === 'TASK_UPDATED' && isTerminal(news.status.state)) countEnd(state, news.framework, news.status);
}

/** `name`: a state, e.g. `finished`, or `total`. */
export function countOperation(state: MasterState, type: OfferOperationType | undefined, name: string): void {
  count(state, `master/operations/${name}`);
  count(state, `master/operations/${(type ?? 'unknown').toLowerCase()}/${name}`);
}

/** An event on its way to a framework. */
export function countEvent(framework: Framework, event: SchedulerEvent): void {
  countFor(framework, 'events');
  countFor(framework, `events/${(event.type ?? 'unknown').toLowerCase()}`);
  if (event.offers !== undefined) countFor(framework, 'offers/sent', event.offers.offers?.length ?? 0);
  if (event.rescind !== undefined) countFor(framework, 'offers/rescinded');
}

/** The end of a task, or its refusal. `status`: what its framework is told. */
function countEnd(state: MasterState, framework: Framework, status: TaskStatus): void {
  const name = status.state.toLowerCase();
  count(state, `master/tasks_${name.slice('task_'.length)}`);
  countFor(framework, `tasks/terminal/${name}`);
  const { source, reason } = status;
  if (source !== undefined && reason !== undefined) count(state, `master/${name}/${v0Name(source)}/${v0Name(reason)}`);
}

function v0Name(name: string): string {
  return name.replaceAll('AGENT', 'SLAVE').toLowerCase();
}
