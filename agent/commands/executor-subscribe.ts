import type { AgentInfo, ExecutorCallSubscribe } from '../../protocol/messages.ts';
import { isTerminal, partitionState } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import { handOver, tell } from '../executor-tasks.ts';
import type { AgentState, ExecutorRecord } from '../state.ts';
import { type Context, report } from '../status-updates.ts';
import { updateFromExecutor } from './executor-update.ts';
import { shutdownExecutor } from './shutdown-executor.ts';

/**
 * SUBSCRIBE of an executor, for the first time or again: it is told who it is, then of what waits for it. One that is to end is told
 * so instead, and so is one whose tasks were all killed before it came. What it says to have sent and not to have heard of is taken in
 * again.
 */
export function subscribeExecutor(
  state: AgentState,
  agent: AgentInfo,
  executor: ExecutorRecord,
  call: ExecutorCallSubscribe,
  context: Context,
): Effect[] {
  executor.connected = true;
  delete executor.returning;
  if (executor.stage === 'terminating') return refuseExecutor(executor);
  executor.stage = 'running';
  const subscribed = tell(executor, {
    type: 'SUBSCRIBED',
    subscribed: {
      executor_info: executor.info,
      framework_info: executor.framework,
      agent_info: agent,
      container_id: { value: executor.containerId },
    },
  });
  return [
    subscribed,
    ...(call.unacknowledged_updates ?? []).flatMap(({ status }) =>
      updateFromExecutor(state, agent.id?.value ?? '', executor, status, context),
    ),
    ...loseUnheard(executor, call, context),
    ...(executor.queued.length === 0 && !executor.hadTasks
      ? shutdownExecutor(state, executor, context)
      : [{ kind: 'updateContainer' as const, executor }, ...repeatKills(executor), ...handOver(executor)]),
  ];
}

/** The stream of an executor is gone; what it is told now waits for the next one, or is lost. */
export function executorDisconnected(executor: ExecutorRecord): Effect[] {
  executor.connected = false;
  return [];
}

function refuseExecutor(executor: ExecutorRecord): Effect[] {
  return [tell(executor, { type: 'SHUTDOWN' }), { kind: 'hangUpOnExecutor', executor }];
}

/** Tasks that were said into a stream that broke, and that the executor does not know of. */
function loseUnheard(executor: ExecutorRecord, call: ExecutorCallSubscribe, context: Context): Effect[] {
  const heard = new Set((call.unacknowledged_tasks ?? []).map(({ task_id }) => task_id.value));
  return [...executor.launched].flatMap((task) => {
    if (task.state !== 'TASK_STAGING' || heard.has(task.info.task_id.value)) return [];
    return report(
      task,
      {
        state: partitionState(task.framework, 'TASK_DROPPED'),
        message: 'Task launched during agent restart',
        source: 'SOURCE_AGENT',
        reason: 'REASON_AGENT_RESTARTED',
      },
      context,
    );
  });
}

/** A KILL that was said into a broken stream, or to nobody. */
function repeatKills(executor: ExecutorRecord): Effect[] {
  return [...executor.launched]
    .filter(({ ending, state }) => ending !== undefined && !isTerminal(state))
    .map(({ info }) => tell(executor, { type: 'KILL', kill: { task_id: info.task_id } }));
}
