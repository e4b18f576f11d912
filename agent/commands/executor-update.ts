import type { TaskStatus } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { count } from '../completed-tasks.ts';
import { type Effect, log } from '../effects.ts';
import { tell } from '../executor-tasks.ts';
import { type AgentState, type ExecutorRecord, type TaskRecord, taskKey } from '../state.ts';
import { type Context, containerStatus, enqueue, explained, remember } from '../status-updates.ts';

// An executor repeats what it has not been told to be taken; that is never more than this behind.
const mostRemembered = 1_000;

/**
 * UPDATE: lined up for the scheduler and acknowledged to the executor at once. A repetition, and what comes after the end of a task, is
 * acknowledged alone. `agent`: the id of this agent.
 */
export function updateFromExecutor(
  state: AgentState,
  agent: string,
  executor: ExecutorRecord,
  given: TaskStatus,
  context: Context,
): Effect[] {
  const { task_id } = given;
  const framework = executor.framework.id?.value ?? '';
  const fields = { task: task_id.value, executor: executor.info.executor_id.value, framework, state: given.state };
  if (given.agent_id !== undefined && given.agent_id.value !== agent) {
    count(state, 'invalid_status_updates');
    return [log('update dropped: it is of another agent', fields, 'warn')];
  }
  const status: TaskStatus = {
    ...given,
    source: 'SOURCE_EXECUTOR',
    agent_id: { value: agent },
    timestamp: given.timestamp ?? context.now / 1000,
  };
  const task = state.tasks.get(taskKey(framework, task_id.value));
  if (task?.executor === executor && executor.launched.has(task)) return take(executor, task, status, context);
  if (executor.completed.some(({ info }) => info.task_id.value === task_id.value))
    return [acknowledgement(executor, status)];
  if (task !== undefined) {
    count(state, 'invalid_status_updates');
    return [log('update dropped: the executor was not told of that task', fields, 'warn')];
  }
  // Of a task that nobody launched: told once, since nothing here could repeat it.
  const message = { type: 'UPDATE', framework_id: framework, status, latest_state: status.state } as const;
  return [{ kind: 'sendToMaster', message }, log('update of a task that was not launched here', fields, 'warn')];
}

function take(executor: ExecutorRecord, task: TaskRecord, given: TaskStatus, context: Context): Effect[] {
  const { uuid = '' } = given;
  const known = task.received.has(uuid);
  rememberUuid(task, uuid);
  if (known || isTerminal(task.state)) return [acknowledgement(executor, given)];
  const own = containerStatus(task);
  const said = given.container_status;
  const network_infos = said?.network_infos?.length ? said.network_infos : own.network_infos;
  const status = explained(task, { ...given, container_status: { ...own, ...said, network_infos } });
  task.state = status.state;
  remember(task, status);
  return [
    ...enqueue(task, status, context.now),
    acknowledgement(executor, status),
    ...(isTerminal(status.state) ? [{ kind: 'updateContainer' as const, executor }] : []),
  ];
}

function rememberUuid({ received }: TaskRecord, uuid: string): void {
  received.add(uuid);
  for (const oldest of received) {
    if (received.size <= mostRemembered) return;
    received.delete(oldest);
  }
}

function acknowledgement(executor: ExecutorRecord, { task_id, uuid = '' }: TaskStatus): Effect {
  return tell(executor, { type: 'ACKNOWLEDGED', acknowledged: { task_id, uuid } });
}
