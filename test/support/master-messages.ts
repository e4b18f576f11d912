import type { Demand } from '../../master/allocator/allocator.ts';
import type { AgentFacts } from '../../master/allocator/offer-constraints.ts';
import { unlimited } from '../../master/commands/subscribe.ts';
import type { AgentSubscription } from '../../protocol/agent-link.ts';
import type {
  ExecutorInfo,
  FrameworkInfo,
  FrameworkInfoCapabilityType,
  Offer,
  Operation,
  Resource,
  Task,
  TaskInfo,
  TaskState,
} from '../../protocol/messages.ts';
import { formatResource, parseAttributes, parseResources } from '../../protocol/resource-text.ts';
import { normalize } from '../../protocol/resources.ts';

/** Resources in normal form from their text. */
export function resourcesOf(text: string, defaultRole = '*'): Resource[] {
  const parsed = parseResources(text, defaultRole);
  if ('error' in parsed) throw new Error(parsed.error);
  return normalize(parsed.value);
}

/** Resources as text, whatever their order. */
export function sortedText(resources: readonly Resource[]): string {
  return resources
    .map((resource) => formatResource(resource))
    .sort()
    .join('; ');
}

export interface FrameworkWishes {
  name?: string;
  capabilities?: FrameworkInfoCapabilityType[];
  role?: string;
  roles?: string[];
  /** Seconds; 0 by default. */
  failoverTimeout?: number;
  id?: string;
}

export function frameworkInfo(wishes: FrameworkWishes = {}): FrameworkInfo {
  const { name = 'tester', capabilities = [], role, roles, failoverTimeout, id } = wishes;
  return {
    user: 'root',
    name,
    ...(id === undefined ? {} : { id: { value: id } }),
    ...(role === undefined ? {} : { role }),
    ...(roles === undefined ? {} : { roles }),
    ...(failoverTimeout === undefined ? {} : { failover_timeout: failoverTimeout }),
    ...(capabilities.length === 0 ? {} : { capabilities: capabilities.map((type) => ({ type })) }),
  };
}

/** What a framework with those wishes takes. */
export function demandOf(wishes: FrameworkWishes = {}): Demand {
  return unlimited(frameworkInfo(wishes));
}

/** What constraints see of an agent. */
export function factsOf(attributes = '', hostname = 'host'): AgentFacts {
  const parsed = parseAttributes(attributes);
  if ('error' in parsed) throw new Error(parsed.error);
  return { hostname, attributes: parsed.value, domain: undefined };
}

export function agentSubscription(options: {
  id?: string;
  hostname?: string;
  resources: string;
  /** With what operations made of the resources. */
  total?: Resource[];
  tasks?: Task[];
  executors?: ExecutorInfo[];
  operations?: Operation[];
  frameworks?: FrameworkInfo[];
}): AgentSubscription {
  const { id, hostname = 'host', resources, tasks = [], executors = [], operations = [], frameworks = [] } = options;
  return {
    agent: { hostname, resources: resourcesOf(resources), ...(id === undefined ? {} : { id: { value: id } }) },
    address: { hostname, ip: '127.0.0.1', port: 5051 },
    version: '0.0.0',
    tasks,
    executors,
    operations,
    total: options.total ?? resourcesOf(resources),
    frameworks,
  };
}

/** A command task for an offer's agent, in a form as schedulers send it. */
export function taskFor(offer: Pick<Offer, 'agent_id'>, id: string, resources: string): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: offer.agent_id,
    command: { value: 'true' },
    resources: resourcesOf(resources).map((resource) => ({ ...resource, role: '*' })),
  };
}

/** What an agent says of a task that it runs. */
export function reportedTask(framework: string, task: TaskInfo, state: TaskState, uuid?: string): Task {
  return {
    name: task.name,
    task_id: task.task_id,
    framework_id: { value: framework },
    executor_id: { value: task.task_id.value },
    agent_id: task.agent_id,
    state,
    resources: task.resources ?? [],
    statuses: [],
    ...(uuid === undefined ? {} : { status_update_state: state, status_update_uuid: uuid }),
  };
}
