import type { Resource, TaskState, TaskStatusReason } from '../../protocol/messages.ts';
import type { Effect } from '../effects.ts';
import type { ContainerExit } from '../engine/engine.ts';
import type { AgentState, Run, TaskRecord } from '../state.ts';
import { type Context, forgetWhenOver, type Report, report } from '../status-updates.ts';
import { executorTerminated } from './executor-end.ts';
import { killedDuringLaunch } from './kill-task.ts';
import { memberOver } from './pod.ts';

/** Fetched, pulled, now made: from here on it takes an instant. */
export function containerStarting(task: TaskRecord, context: Context): Effect[] {
  return task.state === 'TASK_STAGING'
    ? report(task, { state: 'TASK_STARTING', source: 'SOURCE_EXECUTOR' }, context)
    : [];
}

/** What a long step is at. At most one of these is on its way, so that a slow scheduler is not flooded. */
export function launchProgress(task: TaskRecord, message: string, context: Context): Effect[] {
  if (task.phase !== 'preparing' || task.queue.length > 0) return [];
  return report(task, { state: 'TASK_STARTING', source: 'SOURCE_AGENT', message }, context);
}

export function containerStarted(task: TaskRecord, addresses: TaskRecord['addresses'], context: Context): Effect[] {
  task.phase = 'running';
  task.startedAt = context.now;
  if (addresses.length > 0) task.addresses = addresses;
  const running = tellRunning(task.group ?? [task], context);
  if (task.ending === undefined) return running;
  // A kill that came while the container was being started.
  return [...running, { kind: 'stopContainer', run: task, graceSeconds: 0 }];
}

/** The tasks of a group run when all of them do. */
function tellRunning(group: readonly TaskRecord[], context: Context): Effect[] {
  if (group.some(({ phase }) => phase === 'preparing')) return [];
  return group
    .filter(({ phase, state }) => phase === 'running' && isStarting(state))
    .flatMap((task): Effect[] => [
      ...report(task, { state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR' }, context),
      ...(task.ending === undefined ? [{ kind: 'startChecks', task } as const] : []),
    ]);
}

const isStarting = (state: TaskState) => state === 'TASK_STAGING' || state === 'TASK_STARTING';

/** The container never ran: it failed to launch, or was killed before. */
export function launchFailed(
  state: AgentState,
  task: TaskRecord,
  failure: { reason?: TaskStatusReason; message: string },
  context: Context,
): Effect[] {
  task.phase = 'ended';
  return [
    ...report(task, neverRan(task, failure), context),
    { kind: 'removeContainer', run: task },
    ...memberOver(state, task, context),
  ];
}

function neverRan({ ending }: TaskRecord, { message, reason }: { reason?: TaskStatusReason; message: string }): Report {
  if (ending?.state === 'TASK_KILLED') return { ...killedDuringLaunch, ...ending };
  if (ending !== undefined) return { ...ending, source: 'SOURCE_AGENT' };
  const source = reason === undefined ? 'SOURCE_EXECUTOR' : 'SOURCE_AGENT';
  return { state: 'TASK_FAILED', message, source, ...(reason && { reason }) };
}

/** The container ended, and its output is in the sandbox, but for what `problem` says of it. */
export function containerExited(
  state: AgentState,
  task: TaskRecord,
  exit: ContainerExit & { problem?: string | undefined },
  context: Context,
): Effect[] {
  // One that ended before others of its group were started.
  const ran = isStarting(task.state) ? report(task, { state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR' }, context) : [];
  task.phase = 'ended';
  const { message, ...ended } = outcome(task, exit);
  const told = exit.problem === undefined ? message : `${message}. Its output is incomplete: ${exit.problem}`;
  return [
    { kind: 'stopChecks', task },
    ...ran,
    ...report(task, { ...ended, ...(told === undefined ? {} : { message: told }) }, context),
    { kind: 'removeContainer', run: task },
    ...memberOver(state, task, context),
  ];
}

/** The container is gone from the engine. */
export function containerRemoved(state: AgentState, run: Run): Effect[] {
  run.released = true;
  if (run.kind === 'task') forgetWhenOver(state, run);
  return [];
}

function outcome(task: TaskRecord, exit: ContainerExit): Report {
  const message = describeExit(task, exit.exitCode);
  if (task.ending !== undefined) return { message, source: 'SOURCE_EXECUTOR', ...task.ending };
  if (exit.because !== undefined)
    return { ...executorTerminated, message: `${message}: ${exit.because}`, source: 'SOURCE_AGENT' };
  if (exit.exitCode === 0) return { state: 'TASK_FINISHED', message, source: 'SOURCE_EXECUTOR' };
  if (exit.outOfMemory) return outOfMemory(memoryLimit(task), exit);
  return { state: 'TASK_FAILED', message, source: 'SOURCE_EXECUTOR' };
}

/** `limit`: MB */
export function outOfMemory(limit: number, exit: ContainerExit): Report {
  // The kernel kills at the limit, so that is the peak where it could not be read.
  const peak = Math.round((exit.memPeak ?? limit) * 10) / 10;
  const resource: Resource = { name: 'mem', type: 'SCALAR', scalar: { value: limit }, role: '*' };
  return {
    state: 'TASK_FAILED',
    message: `Memory limit exceeded: limit ${limit} MB, peak ${peak} MB. Ask for more mem, or let the task use less`,
    source: 'SOURCE_AGENT',
    reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
    limitation: { resources: [resource] },
  };
}

/** MB */
function memoryLimit(task: TaskRecord): number {
  const asked = (task.info.resources ?? []).find((resource) => resource.name === 'mem')?.scalar?.value ?? 0;
  return Math.max(task.info.limits?.mem?.value ?? asked, 32);
}

const signalNames: Record<number, string> = {
  1: 'Hangup',
  2: 'Interrupt',
  3: 'Quit',
  4: 'Illegal instruction',
  6: 'Aborted',
  7: 'Bus error',
  8: 'Floating point exception',
  9: 'Killed',
  11: 'Segmentation fault',
  13: 'Broken pipe',
  14: 'Alarm clock',
  15: 'Terminated',
};

function describeExit(task: TaskRecord, exitCode: number): string {
  if (task.info.container?.type === 'DOCKER') return `Container exited with status ${exitCode}`;
  const signal = signalNames[exitCode - 128];
  return signal === undefined ? `Command exited with status ${exitCode}` : `Command terminated with signal ${signal}`;
}
