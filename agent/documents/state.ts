import type { FrameworkInfo } from '../../protocol/messages.ts';
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
import { mesosVersion } from '../../runtime/version.ts';
import { versionDocument } from '../../runtime/version-document.ts';
import type { AgentIdentity } from '../identity.ts';
import type { AgentState, TaskRecord } from '../state.ts';
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
    ...resourceDocuments(state),
    resource_providers: [],
    attributes: attributesDocument(info.attributes ?? []),
    master_hostname: identity.registered ? identity.master.replace(/:\d+$/, '') : undefined,
    flags,
    ...frameworkDocuments(state),
  };
}

function resourceDocuments(state: AgentState): Document {
  const { total } = state;
  const allocated = normalize(
    [...state.tasks.values()].flatMap((task) => (isTerminal(task.state) ? [] : (task.info.resources ?? []))),
  );
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
  const running = Map.groupBy(state.tasks.values(), frameworkOf);
  const over = [...state.completed].filter(([id]) => !running.has(id));
  return {
    frameworks: [...running].map(([id, tasks]) => frameworkDocument(id, tasks, state.completed.get(id) ?? [])),
    completed_frameworks: over.map(([id, tasks]) => frameworkDocument(id, [], tasks)),
  };
}

export const frameworkOf = (task: TaskRecord): string => task.framework.id?.value ?? '';

function frameworkDocument(id: string, tasks: TaskRecord[], completed: TaskRecord[]): Document {
  const info: FrameworkInfo = [...tasks, ...completed].at(-1)?.framework ?? { user: '', name: '' };
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: double(info.failover_timeout ?? 0),
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    principal: info.principal,
    ...(hasCapability(info, 'MULTI_ROLE') ? { roles: info.roles ?? [] } : { role: info.role ?? '*' }),
    executors: tasks.filter(({ sandbox }) => sandbox !== '').map(executorDocument),
    completed_executors: completed.map(executorDocument),
  };
}

function executorDocument(task: TaskRecord): Document {
  const { executor_id, name, source, labels } = executorOf(task);
  const role = roleOf(task);
  const entry = taskDocument(taskMessage(task, undefined), role);
  const over = isTerminal(task.state);
  const queued = task.state === 'TASK_STAGING';
  return {
    id: executor_id.value,
    name,
    source,
    container: task.containerId,
    directory: task.sandbox,
    resources: summaryDocument(over ? [] : normalize(task.info.resources ?? [])),
    role,
    labels: labelsDocument(labels),
    tasks: over || queued ? [] : [entry],
    queued_tasks: queued ? [entry] : [],
    completed_tasks: over ? [entry] : [],
  };
}
