import type { Effect } from '../effects.ts';
import { shutdownGrace } from '../executor-tasks.ts';
import { podOf } from '../pods.ts';
import type { AgentState, Ending, ExecutorRecord, TaskRecord } from '../state.ts';
import { type Context, report } from '../status-updates.ts';
import { endIdlePod, executorTerminated } from './executor-end.ts';
import { endMember } from './kill-task.ts';

/** The pod's sandbox and network are there: the groups that wait for them are launched. */
export function podStarted(
  state: AgentState,
  pod: ExecutorRecord,
  addresses: ExecutorRecord['addresses'],
  context: Context,
): Effect[] {
  pod.phase = 'running';
  if (addresses.length > 0) pod.addresses = addresses;
  if (pod.stage !== 'registering') return endIdlePod(state, pod, context);
  pod.stage = 'running';
  return launchGroups(pod, context);
}

/** Launches what waits, each task for itself. */
export function launchGroups(pod: ExecutorRecord, context: Context): Effect[] {
  if (pod.stage !== 'running') return [];
  pod.hadTasks = true;
  const tasks = pod.queued.splice(0).flatMap((group) => group.tasks);
  for (const task of tasks) {
    pod.launched.add(task);
    task.addresses = pod.addresses;
  }
  return [
    ...tasks.flatMap((task) => report(task, { state: 'TASK_STARTING', source: 'SOURCE_EXECUTOR' }, context)),
    ...tasks.map((task): Effect => ({ kind: 'launch', run: task })),
  ];
}

/** A task is over: unless it finished, the others of its group are killed; the pod ends with its last task. */
export function memberOver(state: AgentState, task: TaskRecord, context: Context): Effect[] {
  const pod = podOf(task);
  if (pod === undefined) return [];
  const others = task.state === 'TASK_FINISHED' ? [] : (task.group ?? []).filter((one) => one !== task);
  return [
    ...others.flatMap((one) => endMember(state, one, killedAfter(task, one), Number.POSITIVE_INFINITY, context)),
    ...endIdlePod(state, pod, context),
  ];
}

/** Of a task that runs is told how its container ends; of one that never did, why. */
function killedAfter({ info, state }: TaskRecord, { phase }: TaskRecord): Ending {
  if (phase !== 'preparing') return { state: 'TASK_KILLED' };
  const message = `Killed before its container was started: task '${info.task_id.value}' of its group ended as ${state}`;
  return { state: 'TASK_KILLED', message };
}

/** SHUTDOWN_EXECUTOR and the like: all of its tasks are killed, none with more time than the pod has. */
export function shutdownPod(state: AgentState, pod: ExecutorRecord, context: Context): Effect[] {
  const grace = shutdownGrace(state.settings.executorShutdownGrace, pod);
  return endMembers(state, pod, { state: 'TASK_KILLED' }, grace, context);
}

/** The container that held the network ended: its task was done, or somebody killed it. */
export function holderExited(state: AgentState, pod: ExecutorRecord, context: Context): Effect[] {
  pod.phase = 'ended';
  if (pod.stage === 'terminating') return endIdlePod(state, pod, context);
  pod.stage = 'terminating';
  pod.ending = { ...executorTerminated, message: 'The container that holds the network of the pod ended' };
  return endMembers(state, pod, pod.ending, 0, context);
}

/** Ends a pod with all of its tasks, at once, for a reason of the agent's own. */
export function endPod(state: AgentState, pod: ExecutorRecord, ending: Ending, context: Context): Effect[] {
  pod.stage = 'terminating';
  pod.ending = ending;
  return endMembers(state, pod, ending, 0, context);
}

function endMembers(
  state: AgentState,
  pod: ExecutorRecord,
  ending: Ending,
  mostSeconds: number,
  context: Context,
): Effect[] {
  const ended = [...pod.launched].flatMap((task) => endMember(state, task, ending, mostSeconds, context));
  return [...ended, ...endIdlePod(state, pod, context)];
}
