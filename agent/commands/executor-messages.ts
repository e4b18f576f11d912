import { count } from '../completed-tasks.ts';
import { type Effect, log } from '../effects.ts';
import { tell } from '../executor-tasks.ts';
import { type AgentState, type ExecutorRecord, executorKey } from '../state.ts';

/** MESSAGE: from an executor to its framework, best effort. `data` is base64. */
export function messageFromExecutor(executor: ExecutorRecord, data: string): Effect[] {
  const framework_id = executor.framework.id?.value ?? '';
  const executor_id = executor.info.executor_id.value;
  return [{ kind: 'sendToMaster', message: { type: 'EXECUTOR_MESSAGE', framework_id, executor_id, data } }];
}

/** FRAMEWORK_MESSAGE: to an executor, if it listens. */
export function messageToExecutor(
  state: AgentState,
  message: { framework_id: string; executor_id: string; data: string },
): Effect[] {
  const { framework_id, executor_id, data } = message;
  const executor = state.executors.get(executorKey(framework_id, executor_id));
  if (executor?.stage === 'running' && executor.connected) {
    count(state, 'valid_framework_messages');
    return [tell(executor, { type: 'MESSAGE', message: { data } })];
  }
  count(state, 'invalid_framework_messages');
  const fields = { framework: framework_id, executor: executor_id };
  return [log('FRAMEWORK_MESSAGE dropped: no such executor listens', fields, 'warn')];
}
