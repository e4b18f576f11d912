import type { CheckStatusInfo } from '../../protocol/messages.ts';
import { type CheckedBefore, type CheckSurroundings, startChecks } from '../../runtime/checks/task-checks.ts';
import { describeResult, type HealthNews } from '../../runtime/checks/verdict.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { networkOf } from '../container-network.ts';
import type { Engine } from '../engine/engine.ts';
import { Gate } from '../gate.ts';
import { networkHolder } from '../pods.ts';
import type { TaskRecord } from '../state.ts';
import { type CheckedContainer, containerProbe } from './container-probe.ts';

export interface ContainerChecksOptions {
  engine: Pick<Engine, 'exec' | 'addresses'>;
  clock: Clock;
  log: Log;
  healthChanged: (task: TaskRecord, news: HealthNews) => void;
  statusChanged: (task: TaskRecord, status: CheckStatusInfo) => void;
}

// As many commands as an engine starts side by side without getting slower.
const startsAtOnce = 4;

/** The checks of all tasks whose containers run here. */
export class ContainerChecks {
  readonly #options: ContainerChecksOptions;
  readonly #gate = new Gate(startsAtOnce);
  readonly #stops = new Map<TaskRecord, () => void>();

  constructor(options: ContainerChecksOptions) {
    this.#options = options;
  }

  /** The task runs, since now or since an earlier run of the agent. */
  start(task: TaskRecord): void {
    const { engine, clock, log, healthChanged, statusChanged } = this.#options;
    const container = checkedContainer(task);
    const surroundings: CheckSurroundings = {
      clock,
      probe: (target) => containerProbe(target, container, { engine, gate: this.#gate }),
      healthChanged: (news, result) => {
        if (!news.healthy) log.warn({ task: task.key, result: describeResult(result) }, 'a health check failed');
        healthChanged(task, news);
      },
      statusChanged: (status) => statusChanged(task, status),
    };
    const stop = startChecks(task.info, surroundings, checkedBefore(task, clock));
    this.#stops.set(task, stop);
  }

  /** The task is being killed, or is over. */
  stop(task: TaskRecord): void {
    this.#stops.get(task)?.();
    this.#stops.delete(task);
  }

  stopAll(): void {
    for (const task of [...this.#stops.keys()]) this.stop(task);
  }
}

function checkedBefore({ startedAt, statuses }: TaskRecord, clock: Clock): CheckedBefore {
  const told = statuses.findLast(({ state }) => state === 'TASK_RUNNING');
  return { startedAt: startedAt ?? clock.now(), healthy: told?.healthy, status: told?.check_status };
}

function checkedContainer(task: TaskRecord): CheckedContainer {
  const { info, containerName } = task;
  const holder = networkHolder(task);
  const network = networkOf(info);
  return {
    name: containerName,
    networkOf: holder ?? containerName,
    onHost: holder === undefined && 'mode' in network && network.mode === 'host',
    argumentsAfterValue: info.container?.type === 'DOCKER',
  };
}
