import { namesNetwork, networkOf } from './container-network.ts';
import type { ExecutorRecord, TaskRecord } from './state.ts';

/**
 * Whether an executor is the DEFAULT one, which the agent itself is: a pod. Each task of its groups has a container of its own; they share
 * the pod's network and, where they ask for it, directories of its sandbox. Life of a pod:
 *
 *     sandbox, holder → groups, as they come → its last task is over → holder's end → EXECUTOR_EXITED
 */
export function isPod({ info }: ExecutorRecord): boolean {
  return info.type === 'DEFAULT';
}

/** The pod that a task is in. */
export function podOf({ executor }: TaskRecord): ExecutorRecord | undefined {
  return executor !== undefined && isPod(executor) ? executor : undefined;
}

/** Whether a pod has a network of its own: then a container without other purpose holds it as long as the pod lives. */
export function hasHolder(pod: ExecutorRecord): boolean {
  // What cannot be had is found out when the holder is planned.
  const network = networkOf(pod.info);
  return 'error' in network || network.mode !== 'host';
}

/** The container whose network a task has, where that is neither its own nor the host's. */
export function networkHolder(task: TaskRecord): string | undefined {
  const pod = podOf(task);
  return pod !== undefined && hasHolder(pod) && !namesNetwork(task.info.container) ? pod.containerName : undefined;
}
