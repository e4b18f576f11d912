import type { FrameworkInfo, Resource } from '../../protocol/messages.ts';
import { normalize } from '../../protocol/resources.ts';
import { hasCapability, isTerminal } from '../../protocol/task-state.ts';
import {
  attributesDocument,
  byReservation,
  type Document,
  fullDocument,
  labelsDocument,
  summaryDocument,
  taskDocument,
  unreserved,
} from '../../protocol/v0-documents.ts';
import { double, embed } from '../../protocol/v0-json.ts';
import { agentCapabilities } from '../../runtime/agent-capabilities.ts';
import { logPlaces } from '../../runtime/log-flags.ts';
import { mesosVersion } from '../../runtime/version.ts';
import { versionDocument } from '../../runtime/version-document.ts';
import { resourcesHeld, resourcesInUse, runsOf } from '../executor-tasks.ts';
import type { AgentIdentity } from '../identity.ts';
import type { AgentState, ExecutorRecord, Run, TaskRecord } from '../state.ts';
import { executorOf, roleOf, taskMessage } from '../task-message.ts';

/** `/state`: everything, with the old (v0) names. Every task counts as run by an executor of its own, as in Mesos. */
export function stateDocument(state: AgentState, identity: AgentIdentity): Document {
  const { info, address, startedAt, id, flags } = identity;
  return {
    version: mesosVersion,
    ...versionDocument(startedAt),
    start_time: double(startedAt / 1000),
    id: id ?? '',
    pid: `slave(1)@${address.ip}:${address.port}`,
    hostname: info.hostname,
    capabilities: agentCapabilities,
    domain: info.domain && embed('DomainInfo', info.domain),
    ...drainDocuments(state),
    ...resourceDocuments(state),
    resource_providers: [],
    attributes: attributesDocument(info.attributes ?? []),
    master_hostname: identity.registered ? identity.master.replace(/:\d+$/, '') : undefined,
    ...logPlaces(flags),
    flags,
    ...frameworkDocuments(state),
  };
}

function drainDocuments({ drain }: AgentState): Document {
  if (drain === undefined) return {};
  const estimated_drain_start_time_seconds = Math.floor(drain.startedAt / 1000);
  return { drain_config: embed('DrainConfig', drain.config), estimated_drain_start_time_seconds };
}

function resourceDocuments(state: AgentState): Document {
  const { total } = state;
  const allocated = resourcesInUse(state);
  return {
    resources: summaryDocument(total),
    reserved_resources: byReservation(total, summaryDocument),
    unreserved_resources: summaryDocument(unreserved(total)),
    reserved_resources_full: byReservation(total, fullDocument),
    unreserved_resources_full: fullDocument(unreserved(total)),
    reserved_resources_allocated: byReservation(allocated, summaryDocument),
    unreserved_resources_allocated: summaryDocument(unreserved(allocated)),
  };
}

function frameworkDocuments(state: AgentState): Document {
  const running = Map.groupBy(runsOf(state), frameworkOf);
  // A framework is there as long as the end of one of its tasks is not acknowledged.
  for (const task of state.tasks.values()) if (!running.has(frameworkOf(task))) running.set(frameworkOf(task), []);
  const over = [...state.completed].filter(([id]) => !running.has(id));
  return {
    frameworks: [...running].map(([id, runs]) => frameworkDocument(id, runs, state.completed.get(id) ?? [])),
    completed_frameworks: over.map(([id, runs]) => frameworkDocument(id, [], runs)),
  };
}

export const frameworkOf = (run: Run): string => run.framework.id?.value ?? '';

function frameworkDocument(id: string, runs: Run[], completed: Run[]): Document {
  const info: FrameworkInfo = [...runs, ...completed].at(-1)?.framework ?? { user: '', name: '' };
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: double(info.failover_timeout ?? 0),
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    principal: info.principal,
    ...(hasCapability(info, 'MULTI_ROLE') ? { roles: info.roles ?? [] } : { role: info.role ?? '*' }),
    executors: runs.filter(({ sandbox }) => sandbox !== '').map(executorDocument),
    completed_executors: completed.map(executorDocument),
  };
}

function executorDocument(run: Run): Document {
  const { executor_id, name = '', source = '', labels, type } = executorOf(run);
  return {
    id: executor_id.value,
    name,
    source,
    container: run.containerId,
    directory: run.sandbox,
    resources: summaryDocument(run.kind === 'executor' ? resourcesHeld(run) : ownResources(run)),
    role: roleOf(run),
    labels: labelsDocument(labels),
    type,
    ...(run.kind === 'executor' ? tasksOfExecutor(run) : onlyTask(run)),
  };
}

function ownResources(task: TaskRecord): Resource[] {
  return isTerminal(task.state) ? [] : normalize(task.info.resources ?? []);
}

const shown = (task: TaskRecord) => taskDocument(taskMessage(task, undefined), roleOf(task));

function tasksOfExecutor({ queued, launched, completed, stage }: ExecutorRecord): Document {
  const over = [...launched].filter((task) => stage === 'terminated' || isTerminal(task.state));
  return {
    tasks: [...launched].filter((task) => !over.includes(task)).map(shown),
    queued_tasks: queued.flatMap(({ tasks }) => tasks).map(shown),
    completed_tasks: [...over, ...completed].map(shown),
  };
}

function onlyTask(task: TaskRecord): Document {
  const over = isTerminal(task.state);
  const queued = task.state === 'TASK_STAGING';
  const entry = shown(task);
  return {
    tasks: over || queued ? [] : [entry],
    queued_tasks: queued ? [entry] : [],
    completed_tasks: over ? [entry] : [],
  };
}
