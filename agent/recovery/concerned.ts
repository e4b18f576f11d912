import type { MasterMessage } from '../../protocol/agent-link.ts';
import type { Effect, EffectArguments } from '../effects.ts';
import { type AgentState, executorKey, type Run, taskKey } from '../state.ts';

/** The runs that a message of the master may change, as of now; those that its effects name, or that come with one of these, need not be among them. */
export function concerned(state: AgentState, message: MasterMessage): Run[] {
  switch (message.type) {
    case 'RUN_TASK':
      return named(state, message.framework.id?.value, [message.task.task_id.value]);
    case 'RUN_TASK_GROUP': {
      const ids = message.tasks.map(({ task_id }) => task_id.value);
      return named(state, message.framework.id?.value, ids);
    }
    case 'KILL_TASK':
    case 'ACKNOWLEDGE':
      return named(state, message.framework_id, [message.task_id]);
    case 'RECONCILE':
      return message.tasks.flatMap(({ framework_id, task_id }) => named(state, framework_id, [task_id]));
    case 'SHUTDOWN_EXECUTOR': {
      const executor = state.executors.get(executorKey(message.framework_id, message.executor_id));
      const tasks = executor === undefined ? [] : [...executor.launched];
      return [
        ...(executor === undefined ? [] : [executor, ...tasks]),
        ...named(state, message.framework_id, [message.executor_id]),
      ];
    }
    case 'SHUTDOWN_FRAMEWORK':
      return everything(state).filter(({ framework }) => framework.id?.value === message.framework_id);
    case 'UPDATE_FRAMEWORK':
      return everything(state).filter(({ framework }) => framework.id?.value === message.framework.id?.value);
    case 'DRAIN':
      return everything(state);
    default:
      return [];
  }
}

/** The runs that an effect is about. */
export function namedBy(state: AgentState, effect: Effect): readonly Run[] {
  if ('run' in effect) return [effect.run];
  if ('task' in effect) return [effect.task];
  if (effect.kind === 'sendToExecutor') return [effect.executor, ...launchedBy(state, effect)];
  if ('executor' in effect) return [effect.executor];
  if (effect.kind !== 'sendToMaster' || effect.message.type !== 'UPDATE') return [];
  const { framework_id, status } = effect.message;
  const task = state.tasks.get(taskKey(framework_id, status.task_id.value));
  return task === undefined ? [] : [task];
}

/** The tasks that an executor is told of. */
function launchedBy(state: AgentState, { executor, event }: EffectArguments['sendToExecutor']): readonly Run[] {
  const alone = event.launch === undefined ? [] : [event.launch.task];
  const tasks = event.launch_group?.task_group.tasks ?? alone;
  return tasks.flatMap(
    ({ task_id }) => state.tasks.get(taskKey(executor.framework.id?.value ?? '', task_id.value)) ?? [],
  );
}

/** All that the agent knows and that is not forgotten. */
export function everything(state: AgentState): Run[] {
  return [...state.executors.values(), ...state.tasks.values()];
}

function named(state: AgentState, framework = '', tasks: readonly string[]): Run[] {
  return tasks.flatMap((task) => state.tasks.get(taskKey(framework, task)) ?? []);
}
