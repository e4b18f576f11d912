import type { MasterMessage } from '../../protocol/agent-link.ts';
import type { Effect } from '../effects.ts';
import type { SandboxPaths } from '../sandbox-paths.ts';
import { type AgentState, taskKey } from '../state.ts';
import type { Context } from '../status-updates.ts';
import { drain } from './drain.ts';
import { messageToExecutor } from './executor-messages.ts';
import { killTask } from './kill-task.ts';
import { acknowledge, reconcileTasks, shutdownFramework, updateFramework } from './master-messages.ts';
import { acknowledgeOperation, applyOperation, reconcileOperations } from './operations.ts';
import { runTask, runTaskGroup } from './run-task.ts';
import { shutdownNamedExecutor } from './shutdown-executor.ts';

/** What the agent is known by. */
export interface Self {
  id: string;
  /** Undefined until the master knows it. */
  paths: SandboxPaths | undefined;
  /** Its own IP, which tasks on the host's network share. */
  address: string;
}

/** What a message of the master makes the agent do. Those that are not for tasks, and those of a later version, are passed over. */
export function receive(state: AgentState, self: Self, message: MasterMessage, context: Context): Effect[] {
  const { id, paths, address } = self;
  switch (message.type) {
    case 'RUN_TASK':
      return paths === undefined ? [] : runTask(state, paths, { ...message, address }, context);
    case 'RUN_TASK_GROUP':
      return paths === undefined ? [] : runTaskGroup(state, paths, { ...message, address }, context);
    case 'KILL_TASK':
      return kill(state, message, context);
    case 'DRAIN':
      return drain(state, message.drain, context);
    case 'ACKNOWLEDGE':
      return acknowledge(state, message, context.now);
    case 'SHUTDOWN_FRAMEWORK':
      return shutdownFramework(state, message.framework_id, context);
    case 'APPLY_OPERATION':
      return applyOperation(state, id, message, context);
    case 'ACKNOWLEDGE_OPERATION':
      return acknowledgeOperation(state, message.operation_uuid, message.status_uuid);
    case 'RECONCILE_OPERATIONS':
      return reconcileOperations(state, id, message.operations, context);
    case 'RECONCILE':
      return reconcileTasks(state, id, message.tasks, context);
    case 'UPDATE_FRAMEWORK':
      return updateFramework(state, message.framework, context.now);
    case 'FRAMEWORK_MESSAGE':
      return messageToExecutor(state, message);
    case 'SHUTDOWN_EXECUTOR':
      return shutdownNamedExecutor(state, message, context);
    default:
      return [];
  }
}

function kill(state: AgentState, message: MasterMessage & { type: 'KILL_TASK' }, context: Context): Effect[] {
  const { framework_id, task_id, kill_policy, cause } = message;
  const task = state.tasks.get(taskKey(framework_id, task_id));
  if (task === undefined) return [];
  if (cause !== undefined) task.cause ??= cause;
  return killTask(state, task, kill_policy, context);
}
