import type { DrainConfig } from '../../protocol/messages.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Effect, log } from '../effects.ts';
import { hostOf } from '../executor-tasks.ts';
import type { AgentState, TaskRecord } from '../state.ts';
import type { Context } from '../status-updates.ts';
import { graceOf, killTask } from './kill-task.ts';

/**
 * DRAIN: an operator empties the agent. Every task is killed, with its own grace, but at most that of the drain; what is killed already for the
 * same drain goes on. Without a drain the agent is used again.
 */
export function drain(
  state: AgentState,
  order: { config: DrainConfig; started_at: number } | undefined,
  context: Context,
): Effect[] {
  if (order === undefined) {
    state.drain = undefined;
    return [];
  }
  const { config, started_at } = order;
  state.drain = { config, startedAt: started_at };
  const tasks = [...state.tasks.values()].filter((task) => !isTerminal(task.state) && !sameContent(task.drain, config));
  // All of them before the first is killed: a task may take its group with it.
  for (const task of tasks) task.drain = config;
  return [
    ...(tasks.length === 0 ? [] : [log('drained by an operator', { tasks: tasks.length })]),
    ...tasks.flatMap((task) => killTask(state, task, policyOf(state, task, config), context)),
  ];
}

/** Undefined: its own. */
function policyOf(state: AgentState, task: TaskRecord, { max_grace_period }: DrainConfig) {
  if (max_grace_period === undefined) return undefined;
  const longest = Number(max_grace_period.nanoseconds);
  // What the executor of another grants by itself is not known here.
  const isUnknown = hostOf(task) !== undefined && task.info.kill_policy?.grace_period === undefined;
  const own = isUnknown ? Number.POSITIVE_INFINITY : graceOf(state, task, undefined) * 1e9;
  return own <= longest ? undefined : { grace_period: { nanoseconds: longest } };
}
