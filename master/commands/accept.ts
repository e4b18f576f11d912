import { type AgentId, asOfferId, asTaskId } from '../../protocol/ids.ts';
import type { OfferOperation, Resource, SchedulerCallAccept, Task, TaskInfo } from '../../protocol/messages.ts';
import { invalidResources } from '../../protocol/resource-validation.ts';
import { add, normalize, subtract } from '../../protocol/resources.ts';
import { partitionState } from '../../protocol/task-state.ts';
import { announce, type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { type Agent, type Framework, type MasterState, type OfferRecord, taskKey } from '../state.ts';
import { giveBackOffer, refuseSeconds, takeOffer } from './offers.ts';
import { refuseTask } from './statuses.ts';
import { allocationRoleOf, invalidTask } from './task-validation.ts';

/**
 * ACCEPT: operations on the sum of some offers of one agent, in order; what remains is declined with the call's filters.
 * Invalid offers drop the whole call; an invalid task only itself.
 */
export function accept(state: MasterState, framework: Framework, call: SchedulerCallAccept, now: number): Effect[] {
  const ids = (call.offer_ids ?? []).map((id) => asOfferId(id.value));
  const operations = call.operations ?? [];
  const taken = takeOffers(state, framework, ids);
  if ('error' in taken) {
    const given = ids.flatMap((id) => giveBackOffer(state, framework, id, now));
    const message = `Task launched with invalid offers: ${taken.error}`;
    return [...given, ...dropAll(framework, operations, { reason: 'REASON_INVALID_OFFERS', message }, now)];
  }
  const agent = state.agents.get(taken.agent);
  if (agent === undefined || !agent.connected) {
    state.allocator.recover({ ...taken, framework: framework.id }, undefined, now);
    const refusal =
      agent === undefined
        ? ({ reason: 'REASON_AGENT_REMOVED', message: 'Agent removed' } as const)
        : ({ reason: 'REASON_AGENT_DISCONNECTED', message: 'Agent disconnected' } as const);
    return dropAll(framework, operations, refusal, now);
  }
  const basket = { role: taken.role, remaining: taken.resources };
  const effects = operations.flatMap((operation) => perform(state, framework, agent, basket, operation, now));
  if (basket.remaining.length > 0) {
    const rest = { framework: framework.id, role: taken.role, agent: agent.id, resources: basket.remaining };
    state.allocator.recover(rest, { refuseSeconds: refuseSeconds(call.filters) }, now);
  }
  return effects;
}

interface Basket {
  readonly role: string;
  /** Normal form. */
  remaining: Resource[];
}

interface Taken {
  agent: AgentId;
  role: string;
  resources: Resource[];
}

function takeOffers(state: MasterState, framework: Framework, ids: OfferRecord['id'][]): Taken | { error: string } {
  if (ids.length === 0) return { error: 'No offers specified' };
  const offers: OfferRecord[] = [];
  for (const [index, id] of ids.entries()) {
    if (ids.indexOf(id) !== index) return { error: `Duplicate offer ${id} in offer list` };
    const offer = state.offers.get(id);
    if (offer === undefined) return { error: `Offer ${id} is no longer valid` };
    if (offer.framework !== framework.id) {
      return {
        error: `Offer ${id} has invalid framework ${offer.framework} while framework ${framework.id} is expected`,
      };
    }
    offers.push(offer);
  }
  const [first] = offers;
  if (first === undefined) return { error: 'No offers specified' };
  for (const offer of offers) {
    if (offer.role !== first.role) {
      return {
        error: `Aggregated offers must be allocated to the same role. Offer ${offer.id} uses role '${offer.role}' but another is using role '${first.role}'`,
      };
    }
    if (offer.agent !== first.agent) {
      return {
        error: `Aggregated offers must belong to one single agent. Offer ${offer.id} uses agent ${offer.agent} and agent ${first.agent}`,
      };
    }
  }
  for (const id of ids) takeOffer(state, id);
  return {
    agent: first.agent,
    role: first.role,
    resources: offers.reduce<Resource[]>((sum, offer) => add(sum, offer.resources), []),
  };
}

function perform(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  basket: Basket,
  operation: OfferOperation,
  now: number,
): Effect[] {
  if (operation.type === 'LAUNCH') return launchAll(state, framework, agent, basket, operation, now);
  if (operation.type === 'LAUNCH_GROUP') {
    const message = 'Task groups are not run by this master yet; launch the tasks one by one';
    return (operation.launch_group?.task_group.tasks ?? []).map((task) =>
      refuseTask(framework.id, task, { state: 'TASK_ERROR', reason: 'REASON_TASK_GROUP_INVALID', message }, now),
    );
  }
  return dropOperation(
    framework,
    operation,
    `Operation ${operation.type ?? 'UNKNOWN'} is not performed by this master yet`,
  );
}

function launchAll(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  basket: Basket,
  operation: OfferOperation,
  now: number,
): Effect[] {
  const tasks = operation.launch?.task_infos ?? [];
  const wrong =
    operation.id !== undefined
      ? 'The `id` field cannot be set on LAUNCH operations'
      : // One task with malformed resources fails all tasks of the operation.
        invalidResources(tasks.flatMap((task) => [...(task.resources ?? []), ...(task.executor?.resources ?? [])]));
  return tasks.flatMap((task) => {
    const reason =
      wrong ?? invalidTask(task, { state, framework, agent, role: basket.role, remaining: basket.remaining });
    if (reason !== undefined) {
      return [
        refuseTask(framework.id, task, { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message: reason }, now),
      ];
    }
    return launch(framework, agent, basket, task);
  });
}

function launch(framework: Framework, agent: Agent, basket: Basket, given: TaskInfo): Effect[] {
  const resources = normalize(given.resources ?? []);
  basket.remaining = subtract(basket.remaining, resources);
  const task: TaskInfo = { ...given, resources: resources.map((resource) => allocated(resource, basket.role)) };
  const record = newTask(framework, agent, task);
  framework.tasks.set(asTaskId(task.task_id.value), record);
  agent.tasks.set(taskKey(framework.id, task.task_id.value), record);
  return [
    sendToAgent(agent.id, { type: 'RUN_TASK', framework: framework.info, task }),
    announce({ type: 'TASK_ADDED', task: record }),
    log('task launched', { framework: framework.id, task: task.task_id.value, agent: agent.id }),
  ];
}

function newTask(framework: Framework, agent: Agent, task: TaskInfo): Task {
  const { labels, discovery, container, health_check, kill_policy, limits } = task;
  const user = task.command?.user;
  return {
    name: task.name,
    task_id: task.task_id,
    framework_id: { value: framework.id },
    agent_id: { value: agent.id },
    state: 'TASK_STAGING',
    resources: task.resources,
    statuses: [],
    ...(labels && { labels }),
    ...(discovery && { discovery }),
    ...(container && { container }),
    ...(health_check && { health_check }),
    ...(kill_policy && { kill_policy }),
    ...(user === undefined ? {} : { user }),
    ...(limits && { limits }),
  };
}

function allocated(resource: Resource, role: string): Resource {
  return { ...resource, allocation_info: { role: allocationRoleOf(resource) ?? role } };
}

type Refusal = {
  reason: 'REASON_INVALID_OFFERS' | 'REASON_AGENT_REMOVED' | 'REASON_AGENT_DISCONNECTED';
  message: string;
};

/** Nothing of the call can be done: its tasks are lost, its operations fail. */
function dropAll(framework: Framework, operations: OfferOperation[], refusal: Refusal, now: number): Effect[] {
  const state = partitionState(framework.info, 'TASK_DROPPED');
  return operations.flatMap((operation) => {
    const tasks = operation.launch?.task_infos ?? operation.launch_group?.task_group.tasks;
    if (tasks === undefined) return dropOperation(framework, operation, refusal.message);
    return tasks.map((task) => refuseTask(framework.id, task, { state, ...refusal }, now));
  });
}

function dropOperation(framework: Framework, operation: OfferOperation, message: string): Effect[] {
  const effects: Effect[] = [log(message, { framework: framework.id }, 'warn')];
  if (operation.id !== undefined) {
    effects.push(
      sendEvent(framework.id, {
        type: 'UPDATE_OPERATION_STATUS',
        update_operation_status: { status: { operation_id: operation.id, state: 'OPERATION_ERROR', message } },
      }),
    );
  }
  return effects;
}
