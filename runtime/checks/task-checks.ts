import type { CheckStatusInfo, TaskInfo } from '../../protocol/messages.ts';
import type { Clock } from '../clock.ts';
import { type CheckTarget, type CheckTiming, healthPlan, statusPlan } from './check-plan.ts';
import { Checker, type Probe } from './checker.ts';
import {
  emptyCheckStatus,
  type Health,
  type HealthNews,
  judgeHealth,
  judgeStatus,
  newHealth,
  type ProbeResult,
} from './verdict.ts';

export interface CheckSurroundings {
  clock: Clock;
  /** How an attempt is made where the task runs; asked once for each check. */
  probe: (target: CheckTarget) => Probe;
  healthChanged: (news: HealthNews, result: ProbeResult) => void;
  statusChanged: (status: CheckStatusInfo) => void;
}

/** Of a task that was checked before, by somebody who is gone. */
export interface CheckedBefore {
  /** Milliseconds since the epoch: since when it runs. */
  startedAt: number;
  /** What was told last. */
  healthy?: boolean | undefined;
  status?: CheckStatusInfo | undefined;
}

/** Begins the health check and the check of a task that runs since now, or since `before` says, those that it has; returns what stops them. */
export function startChecks(
  task: Pick<TaskInfo, 'health_check' | 'check'>,
  surroundings: CheckSurroundings,
  before: CheckedBefore = { startedAt: surroundings.clock.now() },
): () => void {
  const checkers = [healthChecker(task, surroundings, before), statusChecker(task, surroundings, before)];
  return () => {
    for (const checker of checkers) checker?.stop();
  };
}

function healthChecker(
  { health_check }: Pick<TaskInfo, 'health_check'>,
  { clock, probe, healthChanged }: CheckSurroundings,
  { startedAt, healthy }: CheckedBefore,
): Checker | undefined {
  const plan = health_check && healthPlan(health_check);
  if (plan === undefined) return undefined;
  // Whatever was told, the grace period is over.
  let health: Health = {
    ...newHealth(startedAt),
    failures: healthy === false ? 1 : 0,
    everHealthy: healthy !== undefined,
  };
  const take = (result: ProbeResult): boolean => {
    const judged = judgeHealth(plan, health, result, clock.now());
    health = judged.health;
    if (judged.news !== undefined) healthChanged(judged.news, result);
    return judged.news?.kill !== true;
  };
  return new Checker({ timing: timingSince(startedAt, plan.timing, clock), probe: probe(plan.target), clock, take });
}

function statusChecker(
  { check }: Pick<TaskInfo, 'check'>,
  { clock, probe, statusChanged }: CheckSurroundings,
  { startedAt, status: told }: CheckedBefore,
): Checker | undefined {
  const plan = check && statusPlan(check);
  if (plan === undefined) return undefined;
  let last = told ?? emptyCheckStatus(plan.target.type);
  const take = (result: ProbeResult): boolean => {
    const status = judgeStatus(last, result);
    if (status !== undefined) {
      last = status;
      statusChanged(status);
    }
    return true;
  };
  return new Checker({ timing: timingSince(startedAt, plan.timing, clock), probe: probe(plan.target), clock, take });
}

/** What is left of the delay. */
function timingSince(startedAt: number, timing: CheckTiming, clock: Clock): CheckTiming {
  return { ...timing, delay: Math.max(0, startedAt + timing.delay - clock.now()) };
}
