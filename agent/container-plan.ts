import { isAbsolute, join, posix } from 'node:path';
import type { ContainerInfo, EnvironmentVariable, Resource, TaskInfo, Volume } from '../protocol/messages.ts';
import { inRanges, rangesOf, scalarOf } from '../protocol/resources.ts';
import type { ContainerSpec, Mount, Network, PortMapping } from './engine/engine.ts';
import { containerSandbox } from './sandbox-paths.ts';
import type { TaskRecord } from './state.ts';
import { volumePath } from './volume-paths.ts';

export interface ContainerSettings {
  /** The image of tasks that name none. */
  defaultImage: string;
  /** CFS quota from the request; else shares only, as Mesos without `--cgroups_enable_cfs`. */
  enforceCpuQuota: boolean;
  /** Processes and threads in a container at the most. */
  pidsLimit: number;
  agentId: string;
  workDirectory: string;
  /** `ip:port` of the agent. */
  agentEndpoint: string;
  /** Seconds between SHUTDOWN and the end of an executor that says nothing else. */
  executorShutdownGrace: number;
}

export interface ContainerPlan {
  spec: ContainerSpec;
  image: string;
  forcePull: boolean;
}

// An engine takes no less than 6 MB, and nothing useful runs in less than this (Mesos' own floor).
const leastMemory = 32;

/** The container that a task asks for, or why there can be none, in Mesos' words where it has some. */
export function planContainer(task: TaskRecord, settings: ContainerSettings): ContainerPlan | { error: string } {
  const { info } = task;
  const image = imageOf(info, settings);
  if (typeof image !== 'string') return image;
  const network = networkOf(info);
  if ('error' in network) return network;
  const mounts = mountsOf(info, task.sandbox, settings.workDirectory);
  if ('error' in mounts) return mounts;
  const process = processOf(info);
  if ('error' in process) return process;
  const docker = info.container?.docker;
  const spec: ContainerSpec = {
    name: task.containerName,
    image,
    labels: {
      'org.mesita.agent': settings.agentId,
      'org.mesita.framework': task.framework.id?.value ?? '',
      'org.mesita.executor': info.task_id.value,
      'org.mesita.task': info.task_id.value,
      'org.mesita.container': task.containerId,
    },
    ...process,
    environment: environmentOf(task, settings),
    ...(hasOwnImage(info.container) ? {} : { workingDirectory: containerSandbox }),
    ...(info.command?.user === undefined || docker !== undefined ? {} : { user: info.command.user }),
    ...limitsOf(info, settings),
    pidsLimit: settings.pidsLimit,
    network,
    mounts,
    privileged: docker?.privileged ?? false,
    parameters: docker?.parameters ?? [],
  };
  return { spec, image, forcePull: docker?.force_pull_image ?? info.container?.mesos?.image?.cached === false };
}

export function hasOwnImage(container: ContainerInfo | undefined): boolean {
  return container?.docker !== undefined || container?.mesos?.image !== undefined;
}

/** What a task and an executor say alike of the container that they want. */
export type Wanted = Pick<TaskInfo, 'container' | 'command' | 'resources' | 'limits'>;

export function imageOf(info: Wanted, settings: ContainerSettings): string | { error: string } {
  const { container } = info;
  if (container?.type === 'DOCKER') return container.docker?.image ?? '';
  const image = container?.mesos?.image;
  if (image === undefined) return settings.defaultImage;
  return image.docker?.name ?? { error: `Unsupported container image type: ${image.type}` };
}

export function processOf(info: Wanted): Pick<ContainerSpec, 'entrypoint' | 'command'> | { error: string } {
  const { command } = info;
  const args = command?.arguments ?? [];
  if (command?.shell ?? true) {
    if (command?.value !== undefined) return { entrypoint: ['/bin/sh'], command: ['-c', command.value] };
    // A Docker task without a command runs what its image says.
    if (hasOwnImage(info.container)) return {};
    return { error: 'Shell command is not specified: command.value is missing' };
  }
  if (info.container?.type === 'DOCKER') {
    const words = [...(command?.value === undefined ? [] : [command.value]), ...args];
    return words.length === 0 ? {} : { command: words };
  }
  if (command?.value === undefined)
    return hasOwnImage(info.container) ? {} : { error: 'Executable is not specified: command.value is missing' };
  // As execvp: the first argument is the name that the program is told of itself.
  return { entrypoint: [command.value], command: args.slice(1) };
}

export function networkOf(info: Wanted): Network | { error: string } {
  const { container } = info;
  const docker = container?.docker;
  if (docker === undefined) return { mode: 'host' };
  const mode = docker.network ?? 'HOST';
  const ports = portsOf(info, mode);
  if ('error' in ports) return ports;
  const hostname = container?.hostname;
  if (mode === 'HOST' || mode === 'NONE') {
    if (mode === 'HOST' && hostname !== undefined) return { error: 'Unable to set hostname with host network mode' };
    return { mode: mode === 'HOST' ? 'host' : 'none' };
  }
  if (mode === 'BRIDGE') return { mode: 'bridge', ports, ...(hostname === undefined ? {} : { hostname }) };
  const names = (container?.network_infos ?? []).flatMap((network) => network.name ?? []);
  const [name] = names;
  if (name === undefined || names.length > 1)
    return { error: 'Expecting exactly one network_infos with a name for a user-defined network' };
  return { mode: 'user', name, ports, ...(hostname === undefined ? {} : { hostname }) };
}

function portsOf(info: Wanted, mode: string): PortMapping[] | { error: string } {
  const mappings = info.container?.docker?.port_mappings ?? [];
  if (mappings.length === 0) return [];
  if (mode === 'HOST' || mode === 'NONE')
    return { error: 'Port mappings are only supported for bridge and user-defined networks' };
  const offered = rangesOf(info.resources ?? [], 'ports');
  if (offered.length === 0) return { error: 'Port mappings require port resources' };
  const ports: PortMapping[] = [];
  for (const { host_port, container_port, protocol = 'tcp' } of mappings) {
    if (!inRanges(offered, host_port)) return { error: `Port [${host_port}] not included in resources` };
    const lower = protocol.toLowerCase();
    if (lower !== 'tcp' && lower !== 'udp' && lower !== 'sctp')
      return { error: `Unknown protocol '${protocol}' in a port mapping` };
    ports.push({ hostPort: host_port, containerPort: container_port, protocol: lower });
  }
  return ports;
}

export function mountsOf(info: Wanted, sandbox: string, workDirectory: string): Mount[] | { error: string } {
  const mounts: Mount[] = [];
  for (const volume of info.container?.volumes ?? []) {
    const mount = mountOf(volume, sandbox, info.container?.docker?.volume_driver);
    if ('error' in mount) return mount;
    mounts.push(mount);
  }
  for (const resource of info.resources ?? []) {
    const mount = persistentMount(resource, workDirectory);
    if (mount === undefined) continue;
    if ('error' in mount) return mount;
    mounts.push(mount);
  }
  return [...mounts, { kind: 'bind', hostPath: sandbox, containerPath: containerSandbox, readOnly: false }];
}

function mountOf(volume: Volume, sandbox: string, driver: string | undefined): Mount | { error: string } {
  const { container_path, host_path, mode, source } = volume;
  const readOnly = mode === 'RO';
  const containerPath = isAbsolute(container_path) ? container_path : posix.join(containerSandbox, container_path);
  if (leaves(container_path)) return { error: `The container_path '${container_path}' of a volume leaves the sandbox` };
  const named = source?.docker_volume;
  if (named !== undefined) {
    const volumeDriver = named.driver ?? driver;
    return {
      kind: 'volume',
      name: named.name,
      containerPath,
      readOnly,
      ...(volumeDriver === undefined ? {} : { driver: volumeDriver }),
    };
  }
  if (source?.host_path !== undefined)
    return { kind: 'bind', hostPath: source.host_path.path, containerPath, readOnly };
  if (host_path === undefined)
    return { error: `The volume at '${container_path}' has a source that the agent does not have` };
  if (isAbsolute(host_path)) return { kind: 'bind', hostPath: host_path, containerPath, readOnly };
  if (driver !== undefined) return { kind: 'volume', name: host_path, driver, containerPath, readOnly };
  if (!isAbsolute(container_path)) {
    return { error: `Both host_path '${host_path}' and container_path '${container_path}' of a volume are relative` };
  }
  if (leaves(host_path)) return { error: `The host_path '${host_path}' of a volume leaves the sandbox` };
  return { kind: 'bind', hostPath: join(sandbox, host_path), containerPath, readOnly };
}

/** A persistent volume is where the task's resources say, below the sandbox unless that is an absolute path. */
function persistentMount(resource: Resource, workDirectory: string): Mount | { error: string } | undefined {
  const hostPath = volumePath(workDirectory, resource);
  const volume = resource.disk?.volume;
  if (hostPath === undefined || volume === undefined) return undefined;
  const { container_path, mode } = volume;
  if (leaves(container_path)) return { error: `The container_path '${container_path}' of a volume leaves the sandbox` };
  const containerPath = isAbsolute(container_path) ? container_path : posix.join(containerSandbox, container_path);
  return { kind: 'bind', hostPath, containerPath, readOnly: mode === 'RO' };
}

function leaves(path: string): boolean {
  return path.split('/').includes('..');
}

export function limitsOf(
  info: Wanted,
  settings: ContainerSettings,
): Pick<ContainerSpec, 'cpuShares' | 'cpuLimit' | 'memoryLimit' | 'memoryReservation' | 'gpus' | 'oomScoreAdjust'> {
  const resources: Resource[] = info.resources ?? [];
  const [cpus, mem, gpus] = [scalarOf(resources, 'cpus'), scalarOf(resources, 'mem'), scalarOf(resources, 'gpus')];
  const cpuLimit = info.limits?.cpus?.value ?? (settings.enforceCpuQuota ? cpus : undefined);
  const memLimit = info.limits?.mem?.value ?? mem;
  const request = Math.max(mem, leastMemory);
  const burst = Number.isFinite(memLimit) ? Math.max(memLimit, leastMemory) : undefined;
  return {
    cpuShares: cpus,
    ...(cpuLimit === undefined || !Number.isFinite(cpuLimit) || cpuLimit === 0 ? {} : { cpuLimit }),
    ...(burst === undefined || mem + memLimit === 0 ? {} : { memoryLimit: burst }),
    ...(info.limits?.mem === undefined ? {} : { memoryReservation: request }),
    // Who may take more than it asked for goes first when the machine runs out.
    ...(burst === undefined || burst > request ? { oomScoreAdjust: 500 } : {}),
    ...(gpus > 0 ? { gpus } : {}),
  };
}

function environmentOf(task: TaskRecord, settings: ContainerSettings): Record<string, string> {
  const { info, framework } = task;
  const role = (info.resources ?? []).find((resource) => resource.allocation_info !== undefined)?.allocation_info?.role;
  const executor = hasOwnImage(info.container) ? {} : executorEnvironment(task, settings);
  return {
    ...executor,
    ...Object.fromEntries((info.command?.environment?.variables ?? []).flatMap(variable)),
    MESOS_SANDBOX: containerSandbox,
    MESOS_CONTAINER_NAME: task.containerName,
    MESOS_ALLOCATION_ROLE: role ?? framework.role ?? '*',
  };
}

/** What Mesos' command executor hands down to a task that runs in its environment. */
function executorEnvironment(task: TaskRecord, settings: ContainerSettings): Record<string, string> {
  return {
    MESOS_FRAMEWORK_ID: task.framework.id?.value ?? '',
    MESOS_EXECUTOR_ID: task.info.task_id.value,
    MESOS_SLAVE_ID: settings.agentId,
    MESOS_SLAVE_PID: `slave(1)@${settings.agentEndpoint}`,
    MESOS_AGENT_ENDPOINT: settings.agentEndpoint,
    MESOS_DIRECTORY: task.sandbox,
    MESOS_CHECKPOINT: task.framework.checkpoint === true ? '1' : '0',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  };
}

export function variable({ name, type = 'VALUE', value }: EnvironmentVariable): [string, string][] {
  return type === 'VALUE' && value !== undefined ? [[name, value]] : [];
}
