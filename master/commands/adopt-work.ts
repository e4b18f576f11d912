import { asFrameworkId, type FrameworkId } from '../../protocol/ids.ts';
import type { ExecutorInfo, Operation } from '../../protocol/messages.ts';
import { normalize } from '../../protocol/resources.ts';
import { type Effect, sendToAgent } from '../effects.ts';
import { type Agent, type Framework, type MasterState, roleOfExecutor, taskKey } from '../state.ts';
import { releaseExecutor } from './executors.ts';
import {
  chargeOperation,
  forgetOperation,
  frameworkOf,
  isFinal,
  keepOperation,
  settleOperation,
} from './operations.ts';

type FindFramework = (id: FrameworkId) => Framework | undefined;

/** Executors that an agent says it runs. One whose framework is over is shut down with it. */
export function adoptExecutors(
  state: MasterState,
  agent: Agent,
  reported: readonly ExecutorInfo[],
  find: FindFramework,
): Effect[] {
  return reported.flatMap((executor) => {
    const id = asFrameworkId(executor.framework_id?.value ?? '');
    const framework = find(id);
    if (framework === undefined) return [sendToAgent(agent.id, { type: 'SHUTDOWN_FRAMEWORK', framework_id: id })];
    agent.executors.set(taskKey(id, executor.executor_id.value), executor);
    const resources = normalize(executor.resources ?? []);
    const role = roleOfExecutor(executor, framework.info);
    if (resources.length > 0) state.allocator.charge({ framework: id, role, agent: agent.id, resources });
    return [];
  });
}

/**
 * Operations that an agent has carried out and not yet heard the acknowledgement of, and those that the master had sent and
 * the agent does not name: they never arrived, perhaps, and are asked for.
 */
export function adoptOperations(
  state: MasterState,
  agent: Agent,
  reported: readonly Operation[],
  previous: Agent | undefined,
): Effect[] {
  const effects = reported.flatMap((operation) => adopt(state, agent, operation));
  const missing: { framework_id: string; operation_uuid: string; info: Operation['info'] }[] = [];
  for (const operation of previous?.operations.values() ?? []) {
    const { uuid, info, latest_status } = operation;
    const framework = frameworkOf(state, operation);
    // Without id nobody asks for the outcome; the agent's total says it all.
    if (framework === undefined || info.id === undefined || agent.operations.has(uuid.value)) continue;
    if (isFinal(latest_status.state)) {
      forgetOperation(state, agent, operation);
      continue;
    }
    keepOperation(state, agent, operation);
    chargeOperation(state, agent, operation);
    missing.push({ framework_id: framework.id, operation_uuid: uuid.value, info });
  }
  if (missing.length === 0) return effects;
  return [...effects, sendToAgent(agent.id, { type: 'RECONCILE_OPERATIONS', operations: missing })];
}

function adopt(state: MasterState, agent: Agent, operation: Operation): Effect[] {
  const { uuid } = operation.latest_status;
  if (!state.completedFrameworks.has(asFrameworkId(operation.framework_id?.value ?? ''))) {
    // Its framework may be away since before this master began.
    const own = { ...operation, agent_id: { value: agent.id } };
    keepOperation(state, agent, own);
    chargeOperation(state, agent, own);
    return [];
  }
  if (uuid === undefined) return [];
  const { value: operation_uuid } = operation.uuid;
  return [sendToAgent(agent.id, { type: 'ACKNOWLEDGE_OPERATION', operation_uuid, status_uuid: uuid.value })];
}

/** What an agent's executors and pending operations hold is given back; the operations stay known by name. */
export function releaseWork(state: MasterState, agent: Agent, now: number): void {
  for (const key of agent.executors.keys()) releaseExecutor(state, agent, key, now);
  for (const operation of agent.operations.values()) {
    if (!isFinal(operation.latest_status.state)) settleOperation(state, agent, operation, false, now);
  }
}

/** The same for a framework that is over, on all agents; those that hear of it. Its operations are carried out without it. */
export function endWork(state: MasterState, framework: Framework, now: number): Agent[] {
  return [...state.agents.values()].filter((agent) => {
    const isOwn = ({ framework_id }: ExecutorInfo | Operation) => framework_id?.value === framework.id;
    const executors = [...agent.executors].filter(([, executor]) => isOwn(executor));
    for (const [key] of executors) releaseExecutor(state, agent, key, now);
    for (const operation of [...agent.operations.values()].filter(isOwn)) {
      if (!isFinal(operation.latest_status.state)) settleOperation(state, agent, operation, true, now);
      forgetOperation(state, agent, operation);
    }
    return executors.length > 0;
  });
}
