import type { CheckInfo, CommandInfo, HealthCheck, TaskInfo } from '../../protocol/messages.ts';
import { invalidCommand } from './command-validation.ts';

/** The first thing wrong with a task's check, in Mesos' words; undefined when nothing is. */
export function invalidCheck(check: CheckInfo): string | undefined {
  const { type, command, http, tcp } = check;
  if (type === undefined) return "CheckInfo must specify 'type'";
  if (type === 'UNKNOWN') return "'UNKNOWN' is not a valid check type";
  if (type === 'COMMAND') {
    if (command === undefined) return "Expecting 'command' to be set for COMMAND check";
    const reason = invalidCheckCommand(command.command, 'Command check', "Check's");
    if (reason !== undefined) return reason;
  }
  if (type === 'HTTP') {
    if (http === undefined) return "Expecting 'http' to be set for HTTP check";
    if (invalidPath(http.path)) return `The path '${http.path}' of HTTP check must start with '/'`;
  }
  if (type === 'TCP' && tcp === undefined) return "Expecting 'tcp' to be set for TCP check";
  return negative(check, ['delay_seconds', 'interval_seconds', 'timeout_seconds']);
}

/** The first thing wrong with a task's health check, in Mesos' words; undefined when nothing is. */
export function invalidHealthCheck(check: HealthCheck): string | undefined {
  const { type, command, http, tcp } = check;
  if (type === undefined) return "HealthCheck must specify 'type'";
  if (type === 'UNKNOWN') return "'UNKNOWN' is not a valid health check type";
  if (type === 'COMMAND') {
    if (command === undefined) return "Expecting 'command' to be set for COMMAND health check";
    const reason = invalidCheckCommand(command, 'Command health check', "Health check's");
    if (reason !== undefined) return reason;
  }
  if (type === 'HTTP') {
    if (http === undefined) return "Expecting 'http' to be set for HTTP health check";
    const { scheme, path } = http;
    if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
      return `Unsupported HTTP health check scheme: '${scheme}'`;
    }
    if (invalidPath(path)) return `The path '${path}' of HTTP health check must start with '/'`;
  }
  if (type === 'TCP' && tcp === undefined) return "Expecting 'tcp' to be set for TCP health check";
  return negative(check, ['delay_seconds', 'grace_period_seconds', 'interval_seconds', 'timeout_seconds']);
}

/** A health check without type takes the one of its only member, as old schedulers expect. */
export function withHealthCheckType(task: TaskInfo): TaskInfo {
  const check = task.health_check;
  if (check === undefined || check.type !== undefined) return task;
  const { command, http } = check;
  if ((command === undefined) === (http === undefined)) return task;
  return { ...task, health_check: { ...check, type: command === undefined ? 'HTTP' : 'COMMAND' } };
}

function invalidCheckCommand(command: CommandInfo, what: string, whose: string): string | undefined {
  if (command.value === undefined) {
    return `${what} must contain ${command.shell === false ? "'executable path'" : "'shell command'"}`;
  }
  const reason = invalidCommand(command);
  return reason === undefined ? undefined : `${whose} \`CommandInfo\` is invalid: ${reason}`;
}

function invalidPath(path: string | undefined): boolean {
  return path !== undefined && path !== '' && !path.startsWith('/');
}

function negative<Name extends string>(
  check: { [Key in Name]?: number | undefined },
  names: Name[],
): string | undefined {
  const name = names.find((candidate) => {
    const seconds = check[candidate];
    return seconds !== undefined && (seconds < 0 || Number.isNaN(seconds));
  });
  return name === undefined ? undefined : `Expecting '${name}' to be non-negative`;
}
