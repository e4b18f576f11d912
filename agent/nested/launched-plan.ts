import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { asContainerId } from '../../protocol/ids.ts';
import type { AgentCallLaunchContainer, ContainerInfo } from '../../protocol/messages.ts';
import { networkHolder, podOf } from '../pods.ts';
import type { ExecutorRecord, Run, TaskRecord } from '../state.ts';

/**
 * A container that a call asks for, as a task that no framework has: so it is planned and launched as one. `parent`: whose network it shares,
 * and in whose sandbox its own is; without one it stands alone, below the agent's work directory.
 */
export function recordOf(call: AgentCallLaunchContainer, workDirectory: string, parent: Run | undefined): TaskRecord {
  const { container_id: id, command, container, resources, limits } = call;
  const task_id = { value: id.value };
  const executor = parent && aroundOf(parent);
  return {
    kind: 'task',
    key: '',
    framework: { user: parent?.framework.user ?? '', name: '' },
    info: {
      name: id.value,
      task_id,
      agent_id: { value: '' },
      ...(command && { command }),
      ...(container && { container }),
      resources: resources ?? sizeOf(parent),
      ...(limits && { limits }),
    },
    ...(executor && { executor }),
    containerId: asContainerId(id.value),
    containerName: `mesos-${randomUUID()}`,
    sandbox: join(parent?.sandbox ?? workDirectory, 'containers', id.value),
    phase: 'preparing',
    addresses: [],
    released: false,
    received: new Set(),
    state: 'TASK_STAGING',
    ending: undefined,
    queue: [],
    statuses: [],
    orphaned: true,
  };
}

/** As large as what it belongs to. */
function sizeOf(parent: Run | undefined) {
  return (parent?.info.resources ?? []).filter(({ name, disk }) => /^(cpus|mem)$/.test(name) && disk === undefined);
}

/** What the parent is to it: a pod. */
function aroundOf(parent: Run): ExecutorRecord {
  const pod = parent.kind === 'task' ? podOf(parent) : undefined;
  const { framework, key, containerId, sandbox, phase, addresses, info } = parent;
  const container = containerAround(parent.info.container, pod?.info.container);
  return {
    kind: 'executor',
    framework,
    key,
    containerId,
    sandbox,
    phase,
    addresses,
    containerName: parent.kind === 'task' ? (networkHolder(parent) ?? parent.containerName) : parent.containerName,
    released: false,
    info: {
      type: 'DEFAULT',
      executor_id: { value: containerId },
      resources: info.resources ?? [],
      ...(container && { container }),
    },
    stage: 'running',
    connected: false,
    hadTasks: true,
    queued: [],
    launched: new Set(),
    completed: [],
    memoryGranted: 0,
    ending: undefined,
    orphaned: true,
  };
}

/** Its network, or its pod's; and of its volumes those that are not the pod's own. */
function containerAround(own: ContainerInfo | undefined, pod: ContainerInfo | undefined): ContainerInfo | undefined {
  const network_infos = own?.network_infos?.length ? own.network_infos : pod?.network_infos;
  const volumes = (own?.volumes ?? []).filter(({ source }) => source?.sandbox_path?.type !== 'PARENT');
  if (own === undefined && network_infos === undefined) return undefined;
  return { type: 'MESOS', ...own, volumes, ...(network_infos && { network_infos }) };
}
