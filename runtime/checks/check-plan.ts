import type { CheckInfo, CommandInfo, HealthCheck, NetworkInfoProtocol } from '../../protocol/messages.ts';

/** When a check is made. Milliseconds. */
export interface CheckTiming {
  /** From the task's start to the first attempt. */
  delay: number;
  /** From the end of an attempt to the next one. */
  interval: number;
  /** At the most for one attempt; infinite where the task says 0. */
  timeout: number;
}

/** What an attempt does, inside the task's network and container. */
export type CheckTarget =
  | { type: 'COMMAND'; command: CommandInfo }
  | { type: 'HTTP'; scheme: 'http' | 'https'; family: 4 | 6; port: number; path: string }
  | { type: 'TCP'; family: 4 | 6; port: number };

export interface HealthPlan {
  timing: CheckTiming;
  target: CheckTarget;
  /** Milliseconds from the task's start in which failures don't count, until the first success. */
  grace: number;
  /** The failures in a row with which the task is killed; 0 is as good as 1. */
  consecutiveFailures: number;
}

export interface StatusPlan {
  timing: CheckTiming;
  target: CheckTarget;
}

/** A task's `health_check` with its defaults; undefined for one that no validation lets pass. */
export function healthPlan(check: HealthCheck): HealthPlan | undefined {
  const target = targetOf(check.type, check.command, check.http, check.tcp);
  if (target === undefined) return undefined;
  const { grace_period_seconds = 10, consecutive_failures = 3 } = check;
  return {
    timing: timingOf(check),
    target,
    grace: grace_period_seconds * 1000,
    consecutiveFailures: consecutive_failures,
  };
}

/** A task's `check` with its defaults; undefined for one that no validation lets pass. */
export function statusPlan(check: CheckInfo): StatusPlan | undefined {
  const target = targetOf(check.type, check.command?.command, check.http, check.tcp);
  return target === undefined ? undefined : { timing: timingOf(check), target };
}

function timingOf(given: Pick<CheckInfo, 'delay_seconds' | 'interval_seconds' | 'timeout_seconds'>): CheckTiming {
  const { delay_seconds = 15, interval_seconds = 10, timeout_seconds = 20 } = given;
  return {
    delay: delay_seconds * 1000,
    interval: interval_seconds * 1000,
    timeout: timeout_seconds === 0 ? Number.POSITIVE_INFINITY : timeout_seconds * 1000,
  };
}

function targetOf(
  type: HealthCheck['type'],
  command: CommandInfo | undefined,
  http: HealthCheck['http'],
  tcp: HealthCheck['tcp'],
): CheckTarget | undefined {
  if (type === 'COMMAND' && command !== undefined) return { type, command };
  if (type === 'HTTP' && http !== undefined) {
    const { scheme, port, path = '', protocol } = http;
    return { type, scheme: scheme === 'https' ? 'https' : 'http', family: familyOf(protocol), port, path };
  }
  if (type === 'TCP' && tcp !== undefined) return { type, family: familyOf(tcp.protocol), port: tcp.port };
  return undefined;
}

function familyOf(protocol: NetworkInfoProtocol | undefined): 4 | 6 {
  return protocol === 'IPv6' ? 6 : 4;
}
