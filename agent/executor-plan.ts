import { formatDuration } from '../protocol/duration.ts';
import { mountsOf } from './container-mounts.ts';
import { networkOf } from './container-network.ts';
import {
  type ContainerPlan,
  type ContainerSettings,
  hasOwnImage,
  imageOf,
  limitsOf,
  processOf,
  terminalOf,
  variable,
  type Wanted,
} from './container-plan.ts';
import type { ContainerLimits, Network } from './engine/engine.ts';
import { resourcesHeld, shutdownGrace } from './executor-tasks.ts';
import { containerSandbox } from './sandbox-paths.ts';
import type { ExecutorRecord } from './state.ts';

/** The container of a custom executor, or why there can be none. It is as large as the executor with the tasks that wait for it. */
export function planExecutor(executor: ExecutorRecord, settings: ContainerSettings): ContainerPlan | { error: string } {
  const wanted = wantedBy(executor);
  const image = imageOf(wanted, settings);
  if (typeof image !== 'string') return image;
  const network = networkOf(wanted);
  if ('error' in network) return network;
  const unreachable = cannotReach(network, settings);
  if (unreachable !== undefined) return { error: unreachable };
  const mounts = mountsOf(wanted, executor.sandbox, settings.workDirectory);
  if ('error' in mounts) return mounts;
  const process = processOf(wanted);
  if ('error' in process) return process;
  const { container, command } = executor.info;
  const spec = {
    name: executor.containerName,
    image,
    labels: {
      'org.mesita.agent': settings.agentId,
      'org.mesita.framework': executor.framework.id?.value ?? '',
      'org.mesita.executor': executor.info.executor_id.value,
      'org.mesita.container': executor.containerId,
    },
    ...process,
    environment: executorEnvironment(executor, settings, network),
    ...(hasOwnImage(container) ? {} : { workingDirectory: containerSandbox }),
    ...(command?.user === undefined || container?.docker !== undefined ? {} : { user: command.user }),
    ...limitsOf(wanted, settings),
    pidsLimit: settings.pidsLimit,
    network,
    mounts,
    privileged: container?.docker?.privileged ?? false,
    ...terminalOf(wanted),
    parameters: container?.docker?.parameters ?? [],
  };
  const forcePull = container?.docker?.force_pull_image ?? container?.mesos?.image?.cached === false;
  return { spec, image, forcePull };
}

/**
 * What a running executor's container is to be limited to, now that tasks came or went. Memory that was granted is not taken away while
 * it may be in use: the reservation goes down, the limit does not.
 */
export function limitsOfExecutor(executor: ExecutorRecord, settings: ContainerSettings): ContainerLimits {
  const { cpuShares, cpuLimit, memoryLimit } = limitsOf(wantedBy(executor), settings);
  return {
    cpuShares,
    ...(cpuLimit === undefined ? {} : { cpuLimit }),
    ...(memoryLimit === undefined
      ? {}
      : { memoryLimit: Math.max(memoryLimit, executor.memoryGranted), memoryReservation: memoryLimit }),
  };
}

function wantedBy(executor: ExecutorRecord): Wanted {
  return { ...executor.info, resources: resourcesHeld(executor) };
}

/** An executor that cannot reach the agent would never register. */
function cannotReach(network: Network, { agentEndpoint }: ContainerSettings): string | undefined {
  if (network.mode === 'host') return undefined;
  if (network.mode === 'none') return 'An executor without a network cannot reach its agent: give it another network';
  if (!agentEndpoint.startsWith('127.')) return undefined;
  return `An executor on a ${network.mode} network cannot reach its agent at ${agentEndpoint}: give it the host's network, or start the agent with --ip=0.0.0.0`;
}

/** The environment of executors. Source: Mesos' agent; what the executor's own command says wins. */
function executorEnvironment(
  executor: ExecutorRecord,
  settings: ContainerSettings,
  network: Network,
): Record<string, string> {
  const { framework, info } = executor;
  const { agentEndpoint } = settings;
  return {
    LIBPROCESS_IP: network.mode === 'host' ? agentEndpoint.replace(/:\d+$/, '') : '0.0.0.0',
    LIBPROCESS_PORT: '0',
    MESOS_AGENT_ENDPOINT: agentEndpoint,
    // Whether or not the framework asks for it: an executor that ends with the connection takes healthy tasks with it.
    MESOS_CHECKPOINT: '1',
    MESOS_DIRECTORY: executor.sandbox,
    MESOS_EXECUTOR_ID: info.executor_id.value,
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: formatDuration(shutdownGrace(settings.executorShutdownGrace, executor)),
    MESOS_FRAMEWORK_ID: framework.id?.value ?? '',
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_RECOVERY_TIMEOUT: formatDuration(settings.recoveryTimeout ?? defaultRecoveryTimeout),
    MESOS_SANDBOX: containerSandbox,
    MESOS_SLAVE_ID: settings.agentId,
    MESOS_SLAVE_PID: `slave(1)@${agentEndpoint}`,
    MESOS_SUBSCRIPTION_BACKOFF_MAX: formatDuration(settings.subscriptionBackoff ?? defaultSubscriptionBackoff),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...Object.fromEntries((info.command?.environment?.variables ?? []).flatMap(variable)),
  };
}

// Mesos' defaults, in seconds.
const defaultRecoveryTimeout = 900;
const defaultSubscriptionBackoff = 2;
