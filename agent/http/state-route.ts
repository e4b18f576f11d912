import type { FastifyInstance } from 'fastify';
import type { AgentInfo } from '../../protocol/messages.ts';
import { formatValue, summarize } from '../../protocol/resource-text.ts';
import { normalize } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { mesitaVersion, mesosVersion } from '../../runtime/version.ts';
import type { Engine } from '../engine/engine.ts';
import type { AgentState, TaskRecord } from '../state.ts';

export interface AgentIdentity {
  /** Undefined until the agent is registered. */
  readonly id: string | undefined;
  readonly info: AgentInfo;
  readonly address: { hostname: string; ip: string; port: number };
  readonly startedAt: number;
  readonly master: string;
  readonly flags: Record<string, string>;
}

/** The agent's unversioned read-only endpoints. */
export function stateRoute(
  server: FastifyInstance,
  state: AgentState,
  identity: () => AgentIdentity,
  engine: Engine,
): void {
  server.all('/health', (_request, reply) => reply.code(200).header('content-length', '0').send());
  server.all('/version', (_request, reply) => reply.send(version(identity().startedAt)));
  server.all('/flags', (_request, reply) => reply.send({ flags: identity().flags }));
  server.all('/state', (_request, reply) => reply.send(stateDocument(state, identity())));
  server.all('/monitor/statistics', async (_request, reply) => {
    const running = [...state.tasks.values()].filter((task) => task.phase === 'running');
    const statistics = await Promise.all(running.map((task) => statisticsOf(engine, task)));
    return reply.send(statistics.flat());
  });
}

function version(startedAt: number): Record<string, unknown> {
  return {
    build_date: new Date(startedAt).toISOString().slice(0, 19).replace('T', ' '),
    build_time: startedAt / 1000,
    build_user: 'mesita',
    version: mesosVersion,
    mesita_version: mesitaVersion,
  };
}

function stateDocument(state: AgentState, identity: AgentIdentity): Record<string, unknown> {
  const { info, address } = identity;
  const frameworks = new Map<string, TaskRecord[]>();
  for (const task of state.tasks.values()) {
    const id = task.framework.id?.value ?? '';
    frameworks.set(id, [...(frameworks.get(id) ?? []), task]);
  }
  return {
    ...version(identity.startedAt),
    start_time: identity.startedAt / 1000,
    id: identity.id ?? '',
    pid: `slave(1)@${address.ip}:${address.port}`,
    hostname: info.hostname,
    master_hostname: identity.master,
    resources: summarize(normalize(info.resources ?? [])),
    attributes: Object.fromEntries(
      (info.attributes ?? []).map((attribute) => [
        attribute.name,
        attribute.type === 'SCALAR' ? attribute.scalar?.value : formatValue(attribute),
      ]),
    ),
    flags: identity.flags,
    frameworks: [...frameworks].map(([id, tasks]) => frameworkDocument(id, tasks)),
    completed_frameworks: [],
  };
}

function frameworkDocument(id: string, tasks: TaskRecord[]): Record<string, unknown> {
  const info = tasks[0]?.framework;
  return {
    id,
    name: info?.name ?? '',
    user: info?.user ?? '',
    failover_timeout: info?.failover_timeout ?? 0,
    checkpoint: info?.checkpoint ?? false,
    hostname: info?.hostname ?? '',
    role: info?.role ?? '*',
    executors: tasks.map(executorDocument),
    completed_executors: [],
  };
}

/** A task without an executor of its own counts as its own executor, as in Mesos. */
function executorDocument(task: TaskRecord): Record<string, unknown> {
  const resources = summarize(normalize(task.info.resources ?? []));
  const entry = {
    id: task.info.task_id.value,
    name: task.info.name,
    framework_id: task.framework.id?.value ?? '',
    executor_id: task.info.task_id.value,
    slave_id: task.info.agent_id.value,
    state: task.state,
    resources,
    statuses: task.statuses.map(({ state, timestamp }) => ({ state, timestamp })),
  };
  const over = isTerminal(task.state);
  return {
    id: task.info.task_id.value,
    name: `Command Executor (Task: ${task.info.task_id.value})`,
    source: task.info.task_id.value,
    container: task.containerId,
    directory: task.sandbox,
    resources,
    tasks: over ? [] : [entry],
    queued_tasks: [],
    completed_tasks: over ? [entry] : [],
  };
}

const megabyte = 1024 * 1024;

async function statisticsOf(engine: Engine, task: TaskRecord): Promise<Record<string, unknown>[]> {
  const usage = await engine.usage(task.containerName).catch(() => undefined);
  if (usage === undefined) return [];
  const limits = summarize(normalize(task.info.resources ?? []));
  return [
    {
      framework_id: task.framework.id?.value ?? '',
      executor_id: task.info.task_id.value,
      executor_name: task.info.name,
      source: task.info.task_id.value,
      statistics: {
        cpus_limit: limits.cpus,
        cpus_user_time_secs: usage.cpuUserSeconds,
        cpus_system_time_secs: usage.cpuSystemSeconds,
        mem_limit_bytes: Number(limits.mem) * megabyte,
        mem_total_bytes: Math.round(usage.mem * megabyte),
        mem_rss_bytes: Math.round(usage.mem * megabyte),
        ...(usage.memPeak === undefined ? {} : { mem_peak_bytes: Math.round(usage.memPeak * megabyte) }),
      },
    },
  ];
}
