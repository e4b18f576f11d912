import type { KillCause } from '../../protocol/agent-link.ts';
import { asContainerId } from '../../protocol/ids.ts';
import { linkJson } from '../../protocol/link-json.ts';
import type {
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocol/messages.ts';
import type { Ending, ExecutorRecord, ExecutorStage, Phase, Run, TaskRecord } from '../state.ts';
import { firstRetryMs } from '../status-updates.ts';

/**
 * What is written down of a run, in two parts: `made` is large and never changes, `now` is small and does. Fields that a later version adds are passed
 * over by an earlier one.
 */
export type MadeRow =
  | {
      kind: 'task';
      framework: string;
      /** Without its executor where that has a row of its own. */
      info: TaskInfo;
      containerId: string;
      sandbox: string;
      /** Row of its executor. */
      executor?: string;
      /** Of a pod: row of the first task that came with it. */
      group?: string;
    }
  | { kind: 'executor'; framework: string; info: ExecutorInfo; containerId: string; sandbox: string };

/** Where a task with an executor is: in a launch that waits (with the row of its first task), told of, or over. */
export type Place = { queued: string; grouped: boolean } | 'launched' | 'completed';

export interface TaskNow {
  phase: Phase;
  state: TaskState;
  addresses: TaskRecord['addresses'];
  released: boolean;
  orphaned: boolean;
  queue: TaskStatus[];
  statuses: TaskStatus[];
  received: string[];
  place?: Place | undefined;
  ending?: Ending | undefined;
  cause?: KillCause | undefined;
  drain?: DrainConfig | undefined;
  startedAt?: number | undefined;
  killBy?: number | undefined;
}

export interface ExecutorNow {
  phase: Phase;
  stage: ExecutorStage;
  addresses: ExecutorRecord['addresses'];
  released: boolean;
  orphaned: boolean;
  hadTasks: boolean;
  memoryGranted: number;
  /** Whether it is one of the agent's executors; else it is over, and tasks of it are left. */
  live: boolean;
  ending?: Ending | undefined;
  registerBy?: number | undefined;
  endBy?: number | undefined;
}

// An executor repeats what it was not told to be taken: that is what came last, and what is still in the queue.
const mostReceived = 32;

export function taskMade(task: TaskRecord, executor: string | undefined, group: string | undefined): string {
  const { containerId, sandbox, info } = task;
  const { executor: _, ...withoutExecutor } = info;
  return linkJson({
    kind: 'task',
    framework: frameworkOf(task),
    info: executor === undefined ? info : withoutExecutor,
    containerId,
    sandbox,
    executor,
    group,
  } satisfies { [Key in keyof Required<MadeRow & { kind: 'task' }>]: unknown });
}

export function executorMade(executor: ExecutorRecord): string {
  const { info, containerId, sandbox } = executor;
  const row: MadeRow = { kind: 'executor', framework: frameworkOf(executor), info, containerId, sandbox };
  return linkJson(row);
}

export function taskNow(task: TaskRecord, place: Place | undefined): string {
  const { phase, state, addresses, released, orphaned, statuses, ending, cause, drain, startedAt, killBy } = task;
  const row: TaskNow = {
    phase,
    state,
    addresses,
    released,
    orphaned,
    queue: task.queue.map(({ status }) => status),
    statuses,
    received: [...task.received].slice(-mostReceived),
    place,
    ending,
    cause,
    drain,
    startedAt,
    killBy,
  };
  return linkJson(row);
}

export function executorNow(executor: ExecutorRecord, live: boolean): string {
  const { phase, stage, addresses, released, orphaned, hadTasks, memoryGranted, ending, registerBy, endBy } = executor;
  const row: ExecutorNow = {
    phase,
    stage,
    addresses,
    released,
    orphaned,
    hadTasks,
    memoryGranted,
    live,
    ending,
    registerBy,
    endBy,
  };
  return linkJson(row);
}

export function readExecutor(
  made: MadeRow & { kind: 'executor' },
  now: ExecutorNow,
  framework: FrameworkInfo,
  key: string,
): ExecutorRecord {
  const { phase, stage, addresses, released, orphaned, hadTasks, memoryGranted, ending, registerBy, endBy } = now;
  return {
    kind: 'executor',
    key,
    framework,
    info: made.info,
    ...named(made),
    phase,
    addresses,
    released,
    stage,
    connected: false,
    hadTasks,
    queued: [],
    launched: new Set(),
    completed: [],
    memoryGranted,
    ending,
    orphaned,
    ...(registerBy === undefined ? {} : { registerBy }),
    ...(endBy === undefined ? {} : { endBy }),
  };
}

export function readTask(
  made: MadeRow & { kind: 'task' },
  now: TaskNow,
  framework: FrameworkInfo,
  given: { key: string; executor: ExecutorRecord | undefined; group: TaskRecord[] | undefined },
): TaskRecord {
  const { phase, state, addresses, released, orphaned, statuses, ending, cause, drain, startedAt, killBy } = now;
  const { key, executor, group } = given;
  return {
    kind: 'task',
    key,
    framework,
    info: executor === undefined ? made.info : { ...made.info, executor: executor.info },
    ...named(made),
    ...(executor === undefined ? {} : { executor }),
    ...(group === undefined ? {} : { group }),
    phase,
    state,
    ending,
    queue: now.queue.map((status) => ({ status, nextRetry: undefined, interval: firstRetryMs })),
    received: new Set([...now.received, ...now.queue.flatMap(({ uuid }) => uuid ?? [])]),
    statuses,
    addresses,
    released,
    orphaned,
    ...(cause === undefined ? {} : { cause }),
    ...(drain === undefined ? {} : { drain }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(killBy === undefined ? {} : { killBy }),
  };
}

export function frameworkOf(run: Run): string {
  return run.framework.id?.value ?? '';
}

/** What was lost before it arrived never had a container. */
function named({ containerId, sandbox }: MadeRow) {
  const containerName = containerId === '' ? '' : `mesos-${containerId}`;
  return { containerId: asContainerId(containerId), containerName, sandbox };
}
