import type { CheckInfo, CheckStatusInfo } from '../../protocol/messages.ts';
import type { HealthPlan } from './check-plan.ts';

/** What came of one attempt. */
export type ProbeResult =
  | { type: 'COMMAND'; exitCode: number; output?: string }
  | { type: 'HTTP'; statusCode: number }
  | { type: 'TCP'; succeeded: boolean }
  /** It gave no answer: it took too long, or could not be made. */
  | { type: 'FAILED'; why: string }
  /** Nothing can be said of the task, e.g. because its engine is away: as if the attempt had not been made. */
  | { type: 'SKIPPED'; why: string };

/**
 *     unknown ──failure within the grace period──► unknown
 *     unknown | healthy ──failure──► failing (1) ──failure──► failing (2) … ──► killed (at `consecutiveFailures`)
 *     unknown | failing ──success──► healthy          (told)
 *     healthy ──success──► healthy                    (nothing to tell)
 *
 * INVARIANT: the grace period is over with the first success, also for all failures after it.
 */
export interface Health {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Those in a row that counted. */
  readonly failures: number;
  readonly everHealthy: boolean;
}

export interface HealthNews {
  healthy: boolean;
  /** The task has failed too often in a row: it is to be killed, and not to be checked any more. */
  kill: boolean;
}

export function newHealth(now: number): Health {
  return { startedAt: now, failures: 0, everHealthy: false };
}

/** What an attempt makes of a task's health, and what there is to tell of it. Source: Mesos' health checker. */
export function judgeHealth(
  plan: Pick<HealthPlan, 'grace' | 'consecutiveFailures'>,
  health: Health,
  result: ProbeResult,
  now: number,
): { health: Health; news?: HealthNews } {
  if (result.type === 'SKIPPED') return { health };
  if (isHealthy(result)) {
    const news = !health.everHealthy || health.failures > 0;
    return {
      health: { ...health, failures: 0, everHealthy: true },
      ...(news && { news: { healthy: true, kill: false } }),
    };
  }
  const forgiven = !health.everHealthy && plan.grace > 0 && now - health.startedAt <= plan.grace;
  if (forgiven) return { health };
  const failures = health.failures + 1;
  return { health: { ...health, failures }, news: { healthy: false, kill: failures >= plan.consecutiveFailures } };
}

export function isHealthy(result: ProbeResult): boolean {
  if (result.type === 'COMMAND') return result.exitCode === 0;
  if (result.type === 'HTTP') return result.statusCode >= 200 && result.statusCode < 400;
  return result.type === 'TCP' && result.succeeded;
}

/** What `check_status` says before there is anything to say, and with each state but RUNNING. */
export function emptyCheckStatus(type: CheckInfo['type']): CheckStatusInfo {
  if (type === 'COMMAND') return { type, command: {} };
  if (type === 'HTTP') return { type, http: {} };
  return type === 'TCP' ? { type, tcp: {} } : {};
}

/** What an attempt of a `check` says; undefined where it says what was known: that is no news. */
export function judgeStatus(last: CheckStatusInfo, result: ProbeResult): CheckStatusInfo | undefined {
  if (result.type === 'SKIPPED') return undefined;
  const status = statusOf(last.type, result);
  const same =
    status.command?.exit_code === last.command?.exit_code &&
    status.http?.status_code === last.http?.status_code &&
    status.tcp?.succeeded === last.tcp?.succeeded;
  return same ? undefined : status;
}

function statusOf(type: CheckInfo['type'], result: ProbeResult): CheckStatusInfo {
  if (result.type === 'COMMAND') return { type: 'COMMAND', command: { exit_code: result.exitCode } };
  if (result.type === 'HTTP') return { type: 'HTTP', http: { status_code: result.statusCode } };
  if (result.type === 'TCP') return { type: 'TCP', tcp: { succeeded: result.succeeded } };
  return emptyCheckStatus(type);
}

/** In one line for a log. */
export function describeResult(result: ProbeResult): string {
  if (result.type === 'COMMAND') {
    const said = result.output?.trim().split('\n').at(-1) ?? '';
    return `exited with status ${result.exitCode}${said === '' ? '' : `: ${said}`}`;
  }
  if (result.type === 'HTTP') return `answered with status ${result.statusCode}`;
  if (result.type === 'TCP') return result.succeeded ? 'connected' : 'could not connect';
  return result.why;
}
