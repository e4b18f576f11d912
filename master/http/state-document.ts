import type { Attribute, Resource, Task, TaskStatus } from '../../protocol/messages.ts';
import { formatValue, summarize } from '../../protocol/resource-text.ts';
import { add, normalize, reservationRole } from '../../protocol/resources.ts';
import { hasCapability } from '../../protocol/task-state.ts';
import { mesitaVersion, mesosVersion } from '../../runtime/version.ts';
import { type Agent, type Framework, type MasterState, offeredResources, roleOfTask, usedResources } from '../state.ts';

type Json = Record<string, unknown>;

/** Agent capabilities as Mesos' agents report them. */
const agentCapabilities = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
];

export function versionDocument(startedAt: number): Json {
  return {
    build_date: new Date(startedAt).toISOString().slice(0, 19).replace('T', ' '),
    build_time: startedAt / 1000,
    build_user: 'mesita',
    version: mesosVersion,
    mesita_version: mesitaVersion,
  };
}

/** `/state`: everything, with the old (v0) names that exporters, DNS servers and dashboards read. */
export function stateDocument(state: MasterState, flags: Record<string, string>): Json {
  const { master } = state;
  const agents = [...state.agents.values()];
  return {
    ...versionDocument(state.startedAt),
    start_time: state.startedAt / 1000,
    elected_time: state.startedAt / 1000,
    id: master.id,
    pid: master.pid,
    hostname: master.hostname,
    capabilities: (master.capabilities ?? []).map((capability) => capability.type),
    activated_slaves: agents.filter((agent) => agent.connected).length,
    deactivated_slaves: agents.filter((agent) => !agent.connected).length,
    unreachable_slaves: state.unreachableAgents.size,
    leader: master.pid,
    leader_info: { id: master.id, pid: master.pid, port: master.port, hostname: master.hostname },
    flags,
    slaves: agents.map((agent) => agentDocument(state, agent)),
    recovered_slaves: [],
    frameworks: [...state.frameworks.values()].map((framework) => frameworkDocument(state, framework)),
    completed_frameworks: [...state.completedFrameworks.values()].map((framework) =>
      frameworkDocument(state, framework),
    ),
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

export function agentDocument(state: MasterState, agent: Agent): Json {
  const { ip, port } = agent.address;
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port,
    attributes: Object.fromEntries(agent.attributes.map((attribute) => [attribute.name, attributeValue(attribute)])),
    pid: `slave(1)@${ip}:${port}`,
    registered_time: agent.registeredAt / 1000,
    ...(agent.reregisteredAt === undefined ? {} : { reregistered_time: agent.reregisteredAt / 1000 }),
    resources: summarize(agent.total),
    used_resources: summarize(normalize(usedResources(agent.tasks.values()))),
    offered_resources: summarize(add([], offeredResources(state, agent.offers))),
    reserved_resources: reservedSummaries(agent.total),
    unreserved_resources: summarize(agent.total.filter((resource) => reservationRole(resource) === '*')),
    active: agent.connected,
    deactivated: false,
    version: mesosVersion,
    mesita_version: agent.version,
    capabilities: agentCapabilities,
  };
}

function reservedSummaries(total: readonly Resource[]): Json {
  const roles = new Set(total.map(reservationRole).filter((role) => role !== '*'));
  return Object.fromEntries(
    [...roles].map((role) => [role, summarize(total.filter((resource) => reservationRole(resource) === role))]),
  );
}

function attributeValue(attribute: Attribute): unknown {
  return attribute.type === 'SCALAR' ? attribute.scalar?.value : formatValue(attribute);
}

export function frameworkDocument(state: MasterState, framework: Framework): Json {
  const { info } = framework;
  const used = normalize(usedResources(framework.tasks.values()));
  const offered = add([], offeredResources(state, framework.offers));
  const tasks = (list: Iterable<Task>) => [...list].map((task) => taskDocument(framework, task));
  return {
    id: framework.id,
    name: info.name,
    used_resources: summarize(used),
    offered_resources: summarize(offered),
    capabilities: (info.capabilities ?? []).flatMap((capability) => capability.type ?? []),
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.connected,
    connected: framework.connected,
    recovered: framework.recovered,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: framework.registeredAt / 1000,
    unregistered_time: (framework.unregisteredAt ?? 0) / 1000,
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    resources: summarize(add(used, offered)),
    ...(framework.reregisteredAt === framework.registeredAt
      ? {}
      : { reregistered_time: framework.reregisteredAt / 1000 }),
    ...(hasCapability(info, 'MULTI_ROLE') ? { roles: info.roles ?? [] } : { role: info.role ?? '*' }),
    tasks: tasks(framework.tasks.values()),
    unreachable_tasks: tasks(framework.unreachableTasks.values()),
    completed_tasks: tasks(framework.completedTasks),
    offers: [...framework.offers].flatMap((id) => offerDocument(state, id)),
    executors: [],
    ...(info.labels && { labels: info.labels.labels ?? [] }),
    offer_constraints: {},
  };
}

function offerDocument(state: MasterState, id: Framework['offers'] extends Set<infer Id> ? Id : never): Json[] {
  const offer = state.offers.get(id);
  if (offer === undefined) return [];
  return [
    {
      id,
      framework_id: offer.framework,
      allocation_info: { role: offer.role },
      slave_id: offer.agent,
      resources: summarize(offer.resources),
    },
  ];
}

export function taskDocument(framework: Framework, task: Task): Json {
  return {
    id: task.task_id.value,
    name: task.name,
    framework_id: task.framework_id.value,
    executor_id: task.executor_id?.value ?? '',
    slave_id: task.agent_id.value,
    state: task.state,
    resources: summarize(normalize(task.resources ?? [])),
    ...(task.limits && {
      limits: Object.fromEntries(Object.entries(task.limits).map(([name, limit]) => [name, limit.value])),
    }),
    role: roleOfTask(task, framework.info),
    statuses: (task.statuses ?? []).map(statusDocument),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...(task.labels && { labels: task.labels.labels ?? [] }),
    ...(task.discovery && { discovery: task.discovery }),
    ...(task.container && { container: task.container }),
    ...(task.health_check && { health_check: task.health_check }),
  };
}

/** Message, reason and source are mesita's own additions: what `ps` and people want to know. */
function statusDocument(status: TaskStatus): Json {
  return {
    state: status.state.replace('AGENT', 'SLAVE'),
    timestamp: status.timestamp ?? 0,
    ...(status.message === undefined ? {} : { message: status.message }),
    ...(status.reason === undefined ? {} : { reason: status.reason }),
    ...(status.labels && { labels: status.labels.labels ?? [] }),
    ...(status.container_status && { container_status: status.container_status }),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}
