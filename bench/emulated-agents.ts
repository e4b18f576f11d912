import type { AgentSubscription } from '../protocol/agent-link.ts';
import type { FrameworkInfo, Resource, Task } from '../protocol/messages.ts';

/** A cluster of agents that say the same but for names and numbers: each runs `tasksEach` tasks, of as many frameworks. */
export interface EmulatedCluster {
  readonly agents: number;
  readonly tasksEach: number;
  readonly frameworks: number;
}

export function frameworkOf(index: number): FrameworkInfo & { id: { value: string } } {
  return {
    user: 'root',
    name: `framework-${index}`,
    id: { value: `old-${String(index).padStart(4, '0')}` },
    roles: [`role-${index % 10}`],
    failover_timeout: 604_800,
    checkpoint: true,
    capabilities: [{ type: 'MULTI_ROLE' }, { type: 'RESERVATION_REFINEMENT' }, { type: 'PARTITION_AWARE' }],
  };
}

const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value }, role: '*' });

/** What an agent says that comes back with all its tasks, as JSON. `id`: undefined before a master has given it one. */
export function subscriptionText(cluster: EmulatedCluster, index: number, id: string | undefined): string {
  const frameworks = Array.from({ length: cluster.tasksEach }, (_, task) =>
    frameworkOf((index + task * 7) % cluster.frameworks),
  );
  const resources = [
    scalar('cpus', 32),
    scalar('mem', 131_072),
    scalar('disk', 1_000_000),
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31_000, end: 32_000 }] }, role: '*' },
  ] satisfies Resource[];
  const hostname = `host-${index}.example`;
  const subscription: AgentSubscription = {
    agent: { hostname, port: 5051, resources, ...(id === undefined ? {} : { id: { value: id } }) },
    address: { hostname, ip: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port: 5051 },
    version: '0.1.0',
    tasks: frameworks.map((framework, task) => runningTask(framework, `${index}.${task}`, id ?? '')),
    executors: [],
    operations: [],
    total: resources,
    frameworks: [...new Map(frameworks.map((framework) => [framework.id.value, framework])).values()],
  };
  return JSON.stringify(subscription);
}

function runningTask({ id, roles = [] }: FrameworkInfo & { id: { value: string } }, name: string, agent: string): Task {
  const task_id = { value: `task-${name}` };
  const allocation_info = { role: roles[0] ?? '*' };
  return {
    name: 'task',
    task_id,
    framework_id: id,
    agent_id: { value: agent },
    state: 'TASK_RUNNING',
    resources: [
      { ...scalar('cpus', 1), allocation_info },
      { ...scalar('mem', 1024), allocation_info },
    ],
    statuses: [
      {
        task_id,
        state: 'TASK_RUNNING',
        source: 'SOURCE_EXECUTOR',
        agent_id: { value: agent },
        executor_id: task_id,
        timestamp: 1_000_000_000.5,
        uuid: 'AAAAAAAAQACAAAAAAAAAAA==',
        container_status: {
          container_id: { value: '00000000-0000-4000-8000-000000000000' },
          network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '10.0.0.1' }] }],
        },
      },
    ],
    status_update_state: 'TASK_RUNNING',
    status_update_uuid: 'AAAAAAAAQACAAAAAAAAAAA==',
  };
}
