import type { ContainerInfo, EnvironmentVariable, Resource, TaskInfo } from '../protocol/messages.ts';
import { scalarOf } from '../protocol/resources.ts';
import { inheritedMounts, mountsOf } from './container-mounts.ts';
import { networkOf } from './container-network.ts';
import type { ContainerSpec, Mount, Network } from './engine/engine.ts';
import { networkHolder, podOf } from './pods.ts';
import type { HostProcesses } from './process-plan.ts';
import { containerSandbox } from './sandbox-paths.ts';
import type { TaskRecord } from './state.ts';

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
  /** Seconds that executors look for an agent that is away; Mesos' 15 minutes by default. */
  recoveryTimeout?: number;
  /** Seconds between two such looks at the most; 2 by default. */
  subscriptionBackoff?: number;
  /** Where the engine runs host processes. */
  hostProcesses?: HostProcesses;
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
  const network = networkOfTask(task);
  if ('error' in network) return network;
  const mounts = mountsOfTask(task, settings.workDirectory);
  if ('error' in mounts) return mounts;
  const process = processOf(info);
  if ('error' in process) return process;
  const docker = info.container?.docker;
  const pod = podOf(task);
  const spec: ContainerSpec = {
    name: task.containerName,
    image,
    labels: {
      'org.mesita.agent': settings.agentId,
      'org.mesita.framework': task.framework.id?.value ?? '',
      'org.mesita.executor': executorId(task),
      'org.mesita.task': info.task_id.value,
      'org.mesita.container': task.containerId,
      ...(pod === undefined ? {} : { 'org.mesita.parent': pod.containerId }),
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
    ...terminalOf(info),
    parameters: docker?.parameters ?? [],
  };
  return { spec, image, forcePull: docker?.force_pull_image ?? info.container?.mesos?.image?.cached === false };
}

function executorId({ info }: TaskRecord): string {
  return (info.executor?.executor_id ?? info.task_id).value;
}

function networkOfTask(task: TaskRecord): Network | { error: string } {
  const holder = networkHolder(task);
  return holder === undefined ? networkOf(task.info) : { mode: 'container', name: holder };
}

/** A task of a pod has what its pod has too where it asks for it, and always where they are of one image. */
function mountsOfTask(task: TaskRecord, workDirectory: string): Mount[] | { error: string } {
  const pod = podOf(task);
  if (pod === undefined) return mountsOf(task.info, task.sandbox, workDirectory);
  const shared = mountsOf(pod.info, pod.sandbox, workDirectory);
  if ('error' in shared) return shared;
  const own = mountsOf(task.info, task.sandbox, workDirectory, shared);
  return 'error' in own || hasOwnImage(task.info.container) ? own : inheritedMounts(own, shared);
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

// Of the CPU time that a regular task has for each core, as in Mesos.
const revocableWeight = 10 / 1024;

export function limitsOf(
  info: Wanted,
  settings: ContainerSettings,
): Pick<ContainerSpec, 'cpuShares' | 'cpuLimit' | 'memoryLimit' | 'memoryReservation' | 'gpus' | 'oomScoreAdjust'> {
  const resources: Resource[] = info.resources ?? [];
  const [cpus, mem, gpus] = [scalarOf(resources, 'cpus'), scalarOf(resources, 'mem'), scalarOf(resources, 'gpus')];
  const isRevocable = resources.some(({ revocable }) => revocable !== undefined);
  const cpuLimit = info.limits?.cpus?.value ?? (settings.enforceCpuQuota ? cpus : undefined);
  const memLimit = info.limits?.mem?.value ?? mem;
  const request = Math.max(mem, leastMemory);
  const burst = Number.isFinite(memLimit) ? Math.max(memLimit, leastMemory) : undefined;
  return {
    cpuShares: isRevocable ? cpus * revocableWeight : cpus,
    ...(cpuLimit === undefined || !Number.isFinite(cpuLimit) || cpuLimit === 0 ? {} : { cpuLimit }),
    ...(burst === undefined || mem + memLimit === 0 ? {} : { memoryLimit: burst }),
    ...(info.limits?.mem === undefined ? {} : { memoryReservation: request }),
    // Who may take more than it asked for, or what is not its own for good, goes first when the machine runs out.
    ...(burst === undefined || burst > request || isRevocable ? { oomScoreAdjust: 500 } : {}),
    ...(gpus > 0 ? { gpus } : {}),
  };
}

export function terminalOf({ container }: Wanted): Pick<ContainerSpec, 'terminal'> {
  return container?.tty_info === undefined ? {} : { terminal: { ...container.tty_info.window_size } };
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
    MESOS_EXECUTOR_ID: executorId(task),
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
