import { MesitaError } from '../protocol/errors.ts';
import type { ContainerID } from '../protocol/messages.ts';
import type { MasterClient, TaskLocation } from '../scheduler/index.ts';

/** The parts of the master's `/state` that commands read. */
export interface ClusterState {
  id: string;
  version: string;
  slaves: AgentEntry[];
  /** Those that are not back with a new master yet. */
  recovered_slaves: Pick<AgentEntry, 'id' | 'hostname' | 'attributes'>[];
  frameworks: FrameworkEntry[];
  completed_frameworks: FrameworkEntry[];
}

type Amounts = Record<string, number | string>;

export interface AgentEntry {
  id: string;
  hostname: string;
  pid: string;
  active: boolean;
  deactivated: boolean;
  drain_info?: { state: string };
  registered_time: number;
  resources: Amounts;
  used_resources: Amounts;
  offered_resources: Amounts;
  attributes: Record<string, unknown>;
}

export interface FrameworkEntry {
  id: string;
  name: string;
  tasks: TaskEntry[];
  unreachable_tasks: TaskEntry[];
  completed_tasks: TaskEntry[];
}

export interface TaskEntry {
  id: string;
  name: string;
  framework_id: string;
  slave_id: string;
  state: string;
  resources: Amounts;
  container?: { docker?: { image?: string } };
  statuses: {
    state: string;
    timestamp: number;
    message?: string;
    reason?: string;
    container_status?: { container_id?: ContainerID };
  }[];
}

export function readState(client: MasterClient): Promise<ClusterState> {
  return client.document<ClusterState>('/state');
}

/** All tasks that the master knows, the oldest first; with `all` also those that are over. */
export function tasksOf(state: ClusterState, all: boolean): TaskEntry[] {
  const frameworks = all ? [...state.completed_frameworks, ...state.frameworks] : state.frameworks;
  const tasks = frameworks.flatMap((framework) => [
    ...(all ? framework.completed_tasks : []),
    ...framework.unreachable_tasks,
    ...framework.tasks.filter((task) => all || !isOver(task)),
  ]);
  return tasks.sort((a, b) => startOf(a) - startOf(b));
}

function startOf(task: TaskEntry): number {
  return task.statuses[0]?.timestamp ?? Number.MAX_SAFE_INTEGER;
}

/**
 * The task of that id, else of that name, else whose id begins so; among several of one name the newest that is not over.
 * Throws MESITA_NOT_FOUND, MESITA_AMBIGUOUS.
 */
export function findTask(state: ClusterState, given: string, framework?: string): TaskEntry {
  const tasks = tasksOf(state, true).filter((task) => framework === undefined || task.framework_id === framework);
  const matches =
    [
      tasks.filter((task) => task.id === given),
      tasks.filter((task) => task.name === given),
      tasks.filter((task) => task.id.startsWith(given)),
    ].find((list) => list.length > 0) ?? [];
  const alive = matches.filter((task) => !over.has(task.state));
  const candidates = alive.length > 0 ? alive : matches.slice(-1);
  const [task] = candidates;
  if (task === undefined) throw new MesitaError('MESITA_NOT_FOUND', { message: `There is no task '${given}'` });
  if (candidates.length > 1) {
    const ids = candidates.map((candidate) => candidate.id).join(', ');
    throw new MesitaError('MESITA_AMBIGUOUS', { message: `'${given}' stands for ${candidates.length} tasks: ${ids}` });
  }
  return task;
}

/** The agent of that id, else of that host name, else whose id ends so (`S0`). Throws MESITA_NOT_FOUND, MESITA_AMBIGUOUS. */
export function findAgent({ slaves }: ClusterState, given: string): AgentEntry {
  const matches =
    [
      slaves.filter(({ id }) => id === given),
      slaves.filter(({ hostname }) => hostname === given),
      slaves.filter(({ id }) => id.endsWith(`-${given}`)),
    ].find((list) => list.length > 0) ?? [];
  const [agent, ...others] = matches;
  if (agent === undefined) throw new MesitaError('MESITA_NOT_FOUND', { message: `There is no agent '${given}'` });
  if (others.length > 0) {
    const ids = matches.map(({ id }) => id).join(', ');
    throw new MesitaError('MESITA_AMBIGUOUS', { message: `'${given}' stands for ${matches.length} agents: ${ids}` });
  }
  return agent;
}

const over = new Set(
  ['FINISHED', 'FAILED', 'KILLED', 'ERROR', 'LOST', 'DROPPED', 'GONE', 'GONE_BY_OPERATOR'].map(
    (state) => `TASK_${state}`,
  ),
);

export function isOver(task: TaskEntry): boolean {
  return over.has(task.state);
}

export function locationOf(task: TaskEntry): TaskLocation {
  return { agentId: task.slave_id, frameworkId: task.framework_id, taskId: task.id };
}
