import { isStatusUuid } from '../protocol/ids.ts';
import type { CheckStatusInfo, ExecutorCall, TaskStatus } from '../protocol/messages.ts';

/** What is wrong with a call of an executor, in Mesos' words. */
export function invalidExecutorCall(call: ExecutorCall): string | undefined {
  switch (call.type) {
    case undefined:
      return missing('type');
    case 'SUBSCRIBE':
      return call.subscribe === undefined ? missing('subscribe') : undefined;
    case 'UPDATE':
      return call.update === undefined ? missing('update') : invalidUpdate(call, call.update.status);
    case 'MESSAGE':
      return call.message === undefined ? missing('message') : undefined;
    default:
      return undefined;
  }
}

const missing = (member: string) => `Expecting '${member}' to be present`;

function invalidUpdate(call: ExecutorCall, status: TaskStatus): string | undefined {
  const [executor, framework] = [call.executor_id.value, call.framework_id.value];
  if (status.uuid === undefined) return missing('uuid');
  if (!isStatusUuid(status.uuid)) return 'Not a valid UUID';
  if (status.executor_id !== undefined && status.executor_id.value !== executor)
    return `ExecutorID in Call: ${executor} does not match ExecutorID in TaskStatus: ${status.executor_id.value}`;
  if (status.source !== 'SOURCE_EXECUTOR')
    return `Received Call from executor ${executor} of framework ${framework} with invalid source, expecting 'SOURCE_EXECUTOR'`;
  if (status.state === 'TASK_STAGING')
    return `Received TASK_STAGING from executor ${executor} of framework ${framework} which is not allowed`;
  return status.check_status && invalidCheckStatus(status.check_status);
}

function invalidCheckStatus(status: CheckStatusInfo): string | undefined {
  const { type } = status;
  if (type === undefined) return "CheckStatusInfo must specify 'type'";
  if (type === 'UNKNOWN') return "'UNKNOWN' is not a valid check's status type";
  const member = ({ COMMAND: 'command', HTTP: 'http', TCP: 'tcp' } as const)[type];
  return status[member] === undefined ? `Expecting '${member}' to be set for ${type} check's status` : undefined;
}
