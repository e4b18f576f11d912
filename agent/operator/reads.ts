import type {
  AgentResponseGetAgent,
  AgentResponseGetContainersContainer,
  AgentResponseGetExecutors,
  AgentResponseGetFrameworks,
  AgentResponseGetState,
  AgentResponseGetTasks,
} from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { containerStatus, type MeasuredContainer } from '../documents/containers.ts';
import { runsOf } from '../executor-tasks.ts';
import type { OperatedContainer } from '../nested/operated-container.ts';
import { podOf } from '../pods.ts';
import type { AgentState, Run, TaskRecord } from '../state.ts';
import { executorOf, taskMessage } from '../task-message.ts';

/** What the operator API tells of an agent, each a function of the state; GET_STATE and the single GET_* calls share them. */
export function getState(state: AgentState): AgentResponseGetState {
  return {
    get_tasks: getTasks(state),
    get_executors: getExecutors(state),
    get_frameworks: getFrameworks(state),
  };
}

export function getTasks(state: AgentState): AgentResponseGetTasks {
  const tasks = [...state.tasks.values()];
  const show = (task: TaskRecord) => taskMessage(task, task.statuses.at(-1));
  const shown = (wanted: (task: TaskRecord) => boolean) => tasks.filter(wanted).map(show);
  return {
    pending_tasks: [],
    queued_tasks: shown((task) => isQueued(task)),
    launched_tasks: shown((task) => !isQueued(task) && !isTerminal(task.state)),
    terminated_tasks: shown((task) => isTerminal(task.state)),
    completed_tasks: [...[...state.completed.values()].flat(), ...state.executors.values()]
      .flatMap((run) => (run.kind === 'executor' ? run.completed : run))
      .map(show),
  };
}

/** Whether its executor has not been told of it. */
function isQueued(task: TaskRecord): boolean {
  if (task.state !== 'TASK_STAGING') return false;
  return task.executor === undefined || !task.executor.launched.has(task);
}

export function getExecutors(state: AgentState): AgentResponseGetExecutors {
  const show = (run: Run) => ({ executor_info: executorOf(run) });
  return {
    executors: runsOf(state)
      .filter(({ sandbox }) => sandbox !== '')
      .map(show),
    completed_executors: [...state.completed.values()].flat().map(show),
  };
}

export function getFrameworks(state: AgentState): AgentResponseGetFrameworks {
  const runs = [...state.tasks.values(), ...state.executors.values()];
  const active = new Map(runs.map(({ framework }) => [framework.id?.value ?? '', framework]));
  const over = [...state.completed].filter(([id]) => !active.has(id)).flatMap(([, tasks]) => tasks.at(-1) ?? []);
  return {
    frameworks: [...active.values()].map((framework_info) => ({ framework_info })),
    completed_frameworks: over.map(({ framework }) => ({ framework_info: framework })),
  };
}

export function containerMessage({ run, statistics }: MeasuredContainer): AgentResponseGetContainersContainer {
  const container_id = { value: run.containerId };
  const measured = statistics && { resource_statistics: statistics };
  const pod = run.kind === 'task' ? podOf(run) : undefined;
  // As recorded: a nested container is told from others by the parent in its status.
  if (pod !== undefined) {
    const parent = { value: pod.containerId };
    return { container_id, container_status: { container_id: { ...container_id, parent } }, ...measured };
  }
  const { executor_id, framework_id, name = '' } = executorOf(run);
  const container_status = containerStatus(run);
  return { framework_id, executor_id, executor_name: name, container_id, container_status, ...measured };
}

/** As recorded, without what the engine does not tell. */
export function nestedMessage(
  { id }: Pick<OperatedContainer, 'id'>,
  { statistics }: Partial<MeasuredContainer> = {},
): AgentResponseGetContainersContainer {
  const measured = statistics && { resource_statistics: statistics };
  return { container_id: { value: id.value }, container_status: { container_id: id }, ...measured };
}

/** The drain of an agent, as GET_AGENT tells it: with the time in whole seconds. */
export function drainOf({
  drain,
}: AgentState): Pick<AgentResponseGetAgent, 'drain_config' | 'estimated_drain_start_time'> {
  if (drain === undefined) return {};
  const seconds = Math.floor(drain.startedAt / 1000);
  return { drain_config: drain.config, estimated_drain_start_time: { nanoseconds: seconds * 1e9 } };
}
