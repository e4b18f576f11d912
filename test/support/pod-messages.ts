import type { ExecutorInfo, TaskInfo } from '../../protocol/messages.ts';
import { resourcesOf } from './master-messages.ts';

/** The executor of a pod, on the host's network. */
export function podInfo(id: string, change: Partial<ExecutorInfo> = {}): ExecutorInfo {
  return {
    type: 'DEFAULT',
    executor_id: { value: id },
    framework_id: { value: 'F' },
    resources: resourcesOf('cpus:0.1;mem:32;disk:10'),
    ...change,
  };
}

/** Of a pod that has its network by this name. */
export function onNetwork(
  name: string,
  ...port_mappings: { host_port: number; container_port: number }[]
): Partial<ExecutorInfo> {
  return { container: { type: 'MESOS', network_infos: [{ name, port_mappings }] } };
}

export function podTask(id: string, change: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: 'S' },
    command: { value: 'true' },
    resources: resourcesOf('cpus:0.1;mem:64'),
    ...change,
  };
}
