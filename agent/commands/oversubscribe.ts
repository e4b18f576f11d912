import type { Resource } from '../../protocol/messages.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { partitionState } from '../../protocol/task-state.ts';
import { count } from '../completed-tasks.ts';
import { type Effect, log } from '../effects.ts';
import { resourcesOf, runsOf } from '../executor-tasks.ts';
import { isPod } from '../pods.ts';
import type { AgentState, Ending, Run } from '../state.ts';
import type { Context } from '../status-updates.ts';
import { destroyExecutor } from './executor-container.ts';
import { endMember } from './kill-task.ts';
import { endPod } from './pod.ts';

/** So much may be given twice from now on: the master is told, if that is news. */
export function oversubscribe(state: AgentState, resources: Resource[]): Effect[] {
  if (state.oversubscribed !== undefined && sameContent(state.oversubscribed, resources)) return [];
  state.oversubscribed = resources;
  return tellOversubscribed(state);
}

/** Also when the agent is back: what changed while it dialled is not in its subscription. */
export function tellOversubscribed({ oversubscribed: resources }: AgentState): Effect[] {
  return resources === undefined ? [] : [{ kind: 'sendToMaster', message: { type: 'OVERSUBSCRIBED', resources } }];
}

/** Ends, at once, whatever uses revocable resources: it is preempted. */
export function preemptRevocable(state: AgentState, because: string, context: Context): Effect[] {
  const runs = runsOf(state).filter(
    (run) => run.phase !== 'ended' && run.ending === undefined && resourcesOf(run).some(({ revocable }) => revocable),
  );
  if (runs.length === 0) return [];
  return [
    log('preempting all that uses revocable resources', { because, containers: runs.length }),
    ...runs.flatMap((run) => endRun(state, run, because, context)),
  ];
}

function endRun(state: AgentState, run: Run, because: string, context: Context): Effect[] {
  const ending: Ending = {
    state: partitionState(run.framework, 'TASK_GONE'),
    reason: 'REASON_CONTAINER_PREEMPTED',
    message: `Its revocable resources were taken back: ${because}`,
    source: 'SOURCE_AGENT',
  };
  count(state, 'executors_preempted');
  if (run.kind === 'task') return endMember(state, run, ending, 0, context);
  if (isPod(run)) return endPod(state, run, ending, context);
  run.ending = ending;
  return destroyExecutor(run);
}
