import type { CheckStatusInfo, TaskInfo } from '../../protocol/messages.ts';
import type { Clock } from '../clock.ts';
import { type CheckTarget, healthPlan, statusPlan } from './check-plan.ts';
import { Checker, type Probe } from './checker.ts';
import { emptyCheckStatus, type HealthNews, judgeHealth, judgeStatus, newHealth, type ProbeResult } from './verdict.ts';

export interface CheckSurroundings {
  clock: Clock;
  /** How an attempt is made where the task runs; asked once for each check. */
  probe: (target: CheckTarget) => Probe;
  healthChanged: (news: HealthNews, result: ProbeResult) => void;
  statusChanged: (status: CheckStatusInfo) => void;
}

/** Begins the health check and the check of a task that runs since now, those that it has; returns what stops them. */
export function startChecks(
  task: Pick<TaskInfo, 'health_check' | 'check'>,
  surroundings: CheckSurroundings,
): () => void {
  const checkers = [healthChecker(task, surroundings), statusChecker(task, surroundings)];
  return () => {
    for (const checker of checkers) checker?.stop();
  };
}

function healthChecker(
  { health_check }: Pick<TaskInfo, 'health_check'>,
  { clock, probe, healthChanged }: CheckSurroundings,
): Checker | undefined {
  const plan = health_check && healthPlan(health_check);
  if (plan === undefined) return undefined;
  let health = newHealth(clock.now());
  const take = (result: ProbeResult): boolean => {
    const judged = judgeHealth(plan, health, result, clock.now());
    health = judged.health;
    if (judged.news !== undefined) healthChanged(judged.news, result);
    return judged.news?.kill !== true;
  };
  return new Checker({ timing: plan.timing, probe: probe(plan.target), clock, take });
}

function statusChecker(
  { check }: Pick<TaskInfo, 'check'>,
  { clock, probe, statusChanged }: CheckSurroundings,
): Checker | undefined {
  const plan = check && statusPlan(check);
  if (plan === undefined) return undefined;
  let last = emptyCheckStatus(plan.target.type);
  const take = (result: ProbeResult): boolean => {
    const status = judgeStatus(last, result);
    if (status !== undefined) {
      last = status;
      statusChanged(status);
    }
    return true;
  };
  return new Checker({ timing: plan.timing, probe: probe(plan.target), clock, take });
}
