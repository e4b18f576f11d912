import { networkOf } from './container-network.ts';
import { type ContainerPlan, type ContainerSettings, limitsOf } from './container-plan.ts';
import { resourcesHeld } from './executor-tasks.ts';
import { hasHolder } from './pods.ts';
import type { ExecutorRecord } from './state.ts';

/**
 * The container that holds the network of a pod; undefined for a pod that has the host's, or why there can be none. It does nothing, in the
 * pod's own resources, and its tasks' ports are those that may be mapped.
 */
export function planHolder(
  pod: ExecutorRecord,
  settings: ContainerSettings,
): ContainerPlan | { error: string } | undefined {
  if (!hasHolder(pod)) return undefined;
  const network = networkOf({ ...pod.info, resources: resourcesHeld(pod) });
  if ('error' in network) return network;
  const image = settings.defaultImage;
  const spec = {
    name: pod.containerName,
    image,
    labels: {
      'org.mesita.agent': settings.agentId,
      'org.mesita.framework': pod.framework.id?.value ?? '',
      'org.mesita.executor': pod.info.executor_id.value,
      'org.mesita.container': pod.containerId,
    },
    entrypoint: ['/bin/sh'],
    // The longest that every `sleep` takes.
    command: ['-c', 'exec sleep 2147483647'],
    environment: {},
    ...limitsOf(pod.info, settings),
    pidsLimit: settings.pidsLimit,
    network,
    mounts: [],
    privileged: false,
    parameters: [],
  };
  return { spec, image, forcePull: false };
}
