import { asAgentId, asTaskId } from '../../protocol/ids.ts';
import type { Task } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { type Framework, type MasterState, roleOfTask, rolesOf, taskKey } from '../state.ts';
import { amountsOf } from './amounts.ts';
import type { Amounts, TaskAnswer, TaskWait } from './answer.ts';
import { answerForFramework } from './framework-answer.ts';
import { agentName, disconnectedSince, nameOf, secondsOf } from './question.ts';
import { wishOf } from './wish.ts';

/** Where a task is and what it waits for; for one that was lost and not replaced, also why its framework cannot place it. */
export function answerForTask(
  state: MasterState,
  framework: Framework,
  task: Task,
  asked: Amounts | undefined,
  atMost: number,
  now: number,
): TaskAnswer {
  const role = roleOfTask(task, framework.info);
  const place = placeOf(framework, task);
  const agent = agentOf(state, task);
  const isReplacementAwaited = wishOf(framework, role, undefined)?.task_id === task.task_id.value;
  const placement =
    isReplacementAwaited && state.frameworks.has(framework.id)
      ? { placement: answerForFramework(state, framework, asked, atMost, now) }
      : {};
  return {
    subject: 'task',
    at: secondsOf(now),
    ...nameOf(framework),
    task_id: task.task_id.value,
    name: task.name,
    role,
    place,
    state: task.state,
    amounts: amountsOf(task.resources ?? []),
    ...(agent === undefined ? {} : { agent }),
    history: historyOf(task),
    waits: waitsOf(state, framework, task, place),
    ...placement,
  };
}

/** A task that its framework says it waits to place. */
export function answerForPendingTask(
  state: MasterState,
  framework: Framework,
  id: string,
  asked: Amounts | undefined,
  atMost: number,
  now: number,
): TaskAnswer {
  const placement = answerForFramework(state, framework, asked, atMost, now);
  return {
    subject: 'task',
    at: secondsOf(now),
    ...nameOf(framework),
    task_id: id,
    name: id,
    role: rolesOf(framework.info)[0] ?? '*',
    place: 'PENDING',
    amounts: placement.wish?.amounts ?? {},
    history: [],
    waits: [],
    placement,
  };
}

function placeOf({ tasks, unreachableTasks }: Framework, task: Task): TaskAnswer['place'] {
  const id = asTaskId(task.task_id.value);
  if (tasks.get(id) === task) return 'ACTIVE';
  return unreachableTasks.get(id) === task ? 'UNREACHABLE' : 'COMPLETED';
}

function agentOf(state: MasterState, task: Task): TaskAnswer['agent'] {
  const id = asAgentId(task.agent_id.value);
  const agent = state.agents.get(id);
  if (agent === undefined) return lostAgentOf(state, task);
  const { connected, heardAt, drain, deactivated } = agent;
  const name = agentName(agent);
  if (!connected) {
    const until = heardAt + state.settings.agentPingTimeout * 1000;
    return { ...name, condition: 'DISCONNECTED', since: secondsOf(heardAt), until: secondsOf(until) };
  }
  if (drain !== undefined) return { ...name, condition: drain.state, since: secondsOf(drain.startedAt) };
  return { ...name, condition: deactivated ? 'DEACTIVATED' : 'ACTIVE' };
}

function lostAgentOf({ unreachableAgents, goneAgents, settings }: MasterState, task: Task): TaskAnswer['agent'] {
  const id = asAgentId(task.agent_id.value);
  const unreachable = unreachableAgents.get(id);
  if (unreachable !== undefined) {
    const { agent, since } = unreachable;
    const until = since + settings.maxLostAgentAge * 1000;
    return { ...agentName(agent), condition: 'UNREACHABLE', since: secondsOf(since), until: secondsOf(until) };
  }
  if (id === '') return undefined;
  const gone = goneAgents.get(id);
  const name = { agent_id: id, hostname: id };
  return gone === undefined
    ? { ...name, condition: 'REMOVED' }
    : { ...name, condition: 'GONE', since: secondsOf(gone) };
}

function historyOf({ statuses = [] }: Task): TaskAnswer['history'] {
  return statuses.map(({ state, timestamp, reason, source, message, healthy }) => ({
    state,
    ...(timestamp === undefined ? {} : { at: timestamp }),
    ...(reason === undefined ? {} : { reason }),
    ...(source === undefined ? {} : { source }),
    ...(message === undefined || message === '' ? {} : { message }),
    ...(healthy === undefined ? {} : { healthy }),
  }));
}

function waitsOf(state: MasterState, framework: Framework, task: Task, place: TaskAnswer['place']): TaskWait[] {
  const agent = state.agents.get(asAgentId(task.agent_id.value));
  const waits: TaskWait[] = [];
  const lostAgent = agentOf(state, task);
  const isAway = lostAgent?.condition === 'DISCONNECTED' || lostAgent?.condition === 'UNREACHABLE';
  if (place !== 'COMPLETED' && isAway && lostAgent?.since !== undefined && lostAgent.until !== undefined)
    waits.push({ kind: 'AGENT_BACK', since: lostAgent.since, until: lostAgent.until });
  if (place !== 'ACTIVE') return waits;
  if (!isAway && task.state === 'TASK_STAGING' && (task.statuses ?? []).length === 0)
    waits.push({ kind: 'AGENT_START' });
  const kill = agent?.pendingKills.get(taskKey(framework.id, task.task_id.value));
  if (kill !== undefined) waits.push({ kind: 'KILL', because: kill.cause === undefined ? 'CALL' : 'PREEMPTION' });
  else if (agent?.drain?.state === 'DRAINING' && !isTerminal(task.state))
    waits.push({ kind: 'KILL', because: 'DRAIN' });
  const since = disconnectedSince(framework);
  if (since !== undefined && framework.removeAt !== undefined)
    waits.push({ kind: 'FRAMEWORK_BACK', since: secondsOf(since), until: secondsOf(framework.removeAt) });
  // The agent knows of a later state than it could tell: it waits with each update for the acknowledgement of the one before.
  const told = task.status_update_state;
  if (isTerminal(task.state) || (told !== undefined && told !== task.state)) {
    const at = task.statuses?.at(-1)?.timestamp;
    waits.push({ kind: 'ACKNOWLEDGEMENT', of: told ?? task.state, ...(at === undefined ? {} : { since: at }) });
  }
  return waits;
}
