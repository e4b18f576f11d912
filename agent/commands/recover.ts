import type { TaskStatusReason } from '../../protocol/messages.ts';
import { isTerminal, partitionState } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import type { ContainerExit, ContainerSummary } from '../engine/engine.ts';
import { hostOf } from '../executor-tasks.ts';
import { hasHolder, isPod, podOf } from '../pods.ts';
import type { AgentState, ExecutorRecord, Run, TaskRecord } from '../state.ts';
import { type Context, report } from '../status-updates.ts';
import { launchFailed } from './container-events.ts';
import { executorFailed } from './executor-container.ts';
import { endExecutor, endIdlePod, failedStatus } from './executor-end.ts';
import { holderExited, memberOver } from './pod.ts';

/** What the agent's new start finds. */
export interface Found {
  /** By name: what the engine has of this agent's. */
  containers: ReadonlyMap<string, ContainerSummary>;
  /** Whether the machine was started anew: nothing that ran before does. */
  rebooted: boolean;
}

/**
 * The agent is started anew with the runs that an earlier run of it has written down. What runs goes on; what ended meanwhile ends as it did; what was
 * not started yet is launched again; of what is gone it is said why. A pod comes before its tasks.
 */
export function recoverRuns(state: AgentState, found: Found, context: Context): Effect[] {
  const tasks = [...state.tasks.values()];
  const over = tasks.flatMap(({ executor }) => (executor === undefined ? [] : [executor]));
  const executors = new Set([...state.executors.values(), ...over]);
  return [
    ...[...executors].flatMap((executor) => recoverExecutor(state, executor, found, context)),
    ...tasks.flatMap((task) => (hostOf(task) === undefined ? recoverTask(state, task, found, context) : [])),
  ];
}

function recoverTask(state: AgentState, task: TaskRecord, found: Found, context: Context): Effect[] {
  if (task.phase === 'ended') return removeRest(task);
  const container = containerOf(task, found);
  if (container?.state === 'exited' && container.exit !== undefined && !wasCutShort(task, container.exit, found))
    return conclude(task, container.exit);
  if (container?.state === 'running') return [{ kind: 'resume', run: task }, ...goOn(task, context)];
  if (task.phase === 'running') return vanished(state, task, found, context);
  const pod = podOf(task);
  if (pod?.queued.some(({ tasks }) => tasks.includes(task))) return [];
  if (task.ending !== undefined || (pod !== undefined && pod.stage !== 'running'))
    return launchFailed(state, task, { message: 'The launch was given up' }, context);
  return [{ kind: 'launch', run: task, again: true }];
}

/** What was under way with a task that runs goes on. */
function goOn(task: TaskRecord, { now }: Context): Effect[] {
  if (task.phase !== 'running') return [];
  if (task.ending === undefined) return task.state === 'TASK_RUNNING' ? [{ kind: 'startChecks', task }] : [];
  return [{ kind: 'stopContainer', run: task, graceSeconds: secondsUntil(task.killBy, now) }];
}

function vanished(state: AgentState, task: TaskRecord, found: Found, context: Context): Effect[] {
  task.phase = 'ended';
  const ending = task.ending ?? gone(task, found);
  return [
    ...(isTerminal(task.state) ? [] : report(task, { ...ending, source: 'SOURCE_AGENT' }, context)),
    { kind: 'removeContainer', run: task },
    ...memberOver(state, task, context),
  ];
}

// What an engine says of a container that ended with it.
const endedWithEngine = 255;

/** It ran until the machine went off: its exit status says nothing. */
function wasCutShort({ phase }: Run, { exitCode }: ContainerExit, { rebooted }: Found): boolean {
  return rebooted && phase === 'running' && exitCode === endedWithEngine;
}

function gone({ framework }: Run, { rebooted }: Found) {
  const why = rebooted ? 'the machine was started anew' : 'somebody else removed it, or the engine lost it';
  const reason: TaskStatusReason = rebooted ? 'REASON_AGENT_RESTARTED' : 'REASON_EXECUTOR_TERMINATED';
  const message = `Its container was gone when the agent came back: ${why}`;
  return { state: partitionState(framework, 'TASK_GONE'), reason, message };
}

function recoverExecutor(state: AgentState, executor: ExecutorRecord, found: Found, context: Context): Effect[] {
  const isOver = state.executors.get(executor.key) !== executor;
  if (isOver) return removeRest(executor);
  const container = containerOf(executor, found);
  if (executor.phase !== 'ended' && container?.state === 'exited' && container.exit !== undefined)
    return conclude(executor, container.exit);
  if (executor.phase === 'preparing') {
    if (container?.state === 'running') return [{ kind: 'resume', run: executor }];
    if (executor.stage !== 'terminating') return launchAgain(state, executor, context);
    return executorFailed(state, executor, { message: 'The launch was given up' }, context);
  }
  if (isPod(executor)) return recoverPod(state, executor, container, found, context);
  if (container?.state !== 'running') {
    const { state: outcome, ...why } = gone(executor, found);
    return endExecutor(state, executor, { state: outcome, ...why }, failedStatus, context);
  }
  return [{ kind: 'resume', run: executor }, awaitAgain(state, executor, context)];
}

/** Its downloads begin anew, and so does the time that it has for them. */
function launchAgain(state: AgentState, executor: ExecutorRecord, { now }: Context): Effect[] {
  const launch: Effect = { kind: 'launch', run: executor, again: true };
  if (isPod(executor)) return [launch];
  const seconds = state.settings.executorRegistrationTimeout;
  executor.registerBy = now + seconds * 1000;
  return [launch, { kind: 'awaitExecutor', executor, until: 'registered', seconds }];
}

function recoverPod(
  state: AgentState,
  pod: ExecutorRecord,
  container: ContainerSummary | undefined,
  found: Found,
  context: Context,
): Effect[] {
  const resumed: Effect[] = [{ kind: 'resume', run: pod }];
  if (pod.phase === 'running' && hasHolder(pod) && container?.state !== 'running') {
    pod.ending ??= gone(pod, found);
    return [...resumed, ...holderExited(state, pod, context)];
  }
  return [...resumed, ...(pod.stage === 'terminating' ? endIdlePod(state, pod, context) : [])];
}

function awaitAgain(state: AgentState, executor: ExecutorRecord, { now }: Context): Effect {
  const { executorReregistrationTimeout: least } = state.settings;
  if (executor.stage === 'terminating')
    return executor.endBy === undefined
      ? { kind: 'stopContainer', run: executor, graceSeconds: 0 }
      : { kind: 'awaitExecutor', executor, until: 'ended', seconds: secondsUntil(executor.endBy, now) };
  executor.returning = true;
  if (executor.stage === 'running') return { kind: 'awaitExecutor', executor, until: 'reregistered', seconds: least };
  const seconds = Math.max(least, secondsUntil(executor.registerBy, now));
  return { kind: 'awaitExecutor', executor, until: 'registered', seconds };
}

function conclude(run: Run, exit: ContainerExit): Effect[] {
  return [{ kind: 'conclude', run, exit }];
}

/** Its end is told, or waits for its acknowledgement; its container may be there still. */
function removeRest(run: Run): Effect[] {
  return run.released ? [] : [{ kind: 'removeContainer', run }];
}

function containerOf(run: Run, { containers }: Found): ContainerSummary | undefined {
  return containers.get(run.containerName);
}

function secondsUntil(time: number | undefined, now: number): number {
  return Math.max(0, ((time ?? now) - now) / 1000);
}
