import { asAgentId, asTaskId } from '../../protocol/ids.ts';
import type { Task } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { allocateSoon, announce, type Effect, log, sendToAgent } from '../effects.ts';
import { absent, completed, type RegistryEntry, record } from '../registry/entries.ts';
import type { Framework, MasterState } from '../state.ts';
import { endWork } from './adopt-work.ts';
import { discardInverseOffer } from './inverse-offers.ts';
import { discardOffer } from './offers.ts';
import { masterStatus, recordStatus } from './statuses.ts';
import { completeTask, moveTask } from './tasks.ts';

/** The end of a framework: TEARDOWN, or its failover timeout. Its tasks are killed everywhere; its id never comes back. */
export function removeFramework(state: MasterState, framework: Framework, now: number): Effect[] {
  for (const offer of framework.offers) discardOffer(state, offer, { kind: 'RETURNED', reason: 'REMOVED' }, now);
  for (const offer of framework.inverseOffers) discardInverseOffer(state, offer);
  const agents = new Set([...framework.tasks.values()].map((task) => asAgentId(task.agent_id.value)));
  const ended = [...framework.tasks.values(), ...framework.unreachableTasks.values()].flatMap((task) =>
    endTask(state, framework, task, now),
  );
  for (const agent of endWork(state, framework, now)) agents.add(agent.id);
  framework.unreachableTasks.clear();
  framework.connected = false;
  framework.removeAt = undefined;
  framework.unregisteredAt = now;
  state.allocator.removeFramework(framework.id);
  state.ledger.forget(framework.id);
  state.frameworks.delete(framework.id);
  const forgotten = keepCompleted(state, framework);
  return [
    record(absent('frameworks', framework.id), completed(framework), ...forgotten),
    ...[...agents].map((agent) => sendToAgent(agent, { type: 'SHUTDOWN_FRAMEWORK', framework_id: framework.id })),
    ...ended,
    announce({ type: 'FRAMEWORK_REMOVED', info: framework.info }),
    { kind: 'endSubscription', framework: framework.id },
    log('framework removed', { id: framework.id, name: framework.info.name }),
    allocateSoon,
  ];
}

function endTask(state: MasterState, framework: Framework, task: Task, now: number): Effect[] {
  const effects: Effect[] = [];
  const unreachable = framework.unreachableTasks.get(asTaskId(task.task_id.value)) === task;
  // Of unreachable ones it is said even when their framework took them for lost, as in Mesos.
  if (unreachable || !isTerminal(task.state)) {
    if (!unreachable) moveTask(state, framework, task, 'TASK_KILLED', now);
    else if (!isTerminal(task.state)) task.state = 'TASK_KILLED';
    const message = `Framework ${framework.id} removed`;
    const { task_id, agent_id } = task;
    const change = {
      task: task_id.value,
      agent: agent_id.value,
      state: 'TASK_KILLED',
      reason: 'REASON_FRAMEWORK_REMOVED',
      message,
    } as const;
    effects.push(...recordStatus(framework, task, masterStatus(change, now)));
  }
  completeTask(state, framework, task);
  return effects;
}

/** Those that are too many now are forgotten, the oldest first. */
function keepCompleted({ completedFrameworks, settings }: MasterState, framework: Framework): RegistryEntry[] {
  completedFrameworks.set(framework.id, framework);
  const forgotten: RegistryEntry[] = [];
  for (const id of completedFrameworks.keys()) {
    if (completedFrameworks.size <= settings.maxCompletedFrameworks) break;
    completedFrameworks.delete(id);
    forgotten.push(absent('completed', id));
  }
  return forgotten;
}
