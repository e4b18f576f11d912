import { asOfferId } from '../../protocol/ids.ts';
import type { OfferOperation, SchedulerCallAccept } from '../../protocol/messages.ts';
import { invalidResources } from '../../protocol/resource-validation.ts';
import { add, subtract } from '../../protocol/resources.ts';
import { partitionState } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import type { Basket } from '../operations/basket.ts';
import { dropOperation, performConversion, resourcesNamed } from '../operations/conversion.ts';
import { invalidGroupReason, invalidTaskReason, launch, launchGroup, refuseTasks } from '../operations/launch.ts';
import type { Framework, MasterState, OfferRecord } from '../state.ts';
import { giveBackOffer, refuseSeconds, takeOffer } from './offers.ts';
import { refuseTask } from './statuses.ts';

/**
 * ACCEPT: operations on the sum of some offers of one agent, in order; what remains is declined with the call's filters, but for
 * what operations made of it, which is offered again. Invalid offers drop the whole call; an invalid operation only itself.
 */
export function accept(state: MasterState, framework: Framework, call: SchedulerCallAccept, now: number): Effect[] {
  const ids = (call.offer_ids ?? []).map((id) => asOfferId(id.value));
  const operations = call.operations ?? [];
  const taken = takeOffers(state, framework, ids, operations, now);
  if ('error' in taken) {
    const given = ids.flatMap((id) =>
      giveBackOffer(state, framework, id, { kind: 'RETURNED', reason: 'INVALID_CALL' }, now),
    );
    const message = `Task launched with invalid offers: ${taken.error}`;
    return [...given, ...dropAll(framework, operations, { reason: 'REASON_INVALID_OFFERS', message }, now)];
  }
  const { first, resources } = taken;
  const agent = state.agents.get(first.agent);
  if (agent === undefined || !agent.connected) {
    state.allocator.recover({ ...first, resources }, undefined, now);
    const refusal =
      agent === undefined
        ? ({ reason: 'REASON_AGENT_REMOVED', message: 'Agent removed' } as const)
        : ({ reason: 'REASON_AGENT_DISCONNECTED', message: 'Agent disconnected' } as const);
    return dropAll(framework, operations, refusal, now);
  }
  const shared = resources.filter((resource) => resource.shared !== undefined);
  const basket: Basket = { framework, agent, role: first.role, call: first.id, remaining: resources, shared };
  const effects = performAll(state, basket, operations, now);
  giveBackRest(state, basket, resources, refuseSeconds(call.filters), now);
  return effects;
}

interface Taken {
  first: OfferRecord;
  /** The sum of all. */
  resources: OfferRecord['resources'];
}

function takeOffers(
  state: MasterState,
  framework: Framework,
  ids: OfferRecord['id'][],
  operations: readonly OfferOperation[],
  now: number,
): Taken | { error: string } {
  const offers = new Map<OfferRecord['id'], OfferRecord>();
  for (const id of ids) {
    if (offers.has(id)) return { error: `Duplicate offer ${id} in offer list` };
    const offer = state.offers.get(id);
    if (offer === undefined) return { error: `Offer ${id} is no longer valid` };
    if (offer.framework !== framework.id) {
      return {
        error: `Offer ${id} has invalid framework ${offer.framework} while framework ${framework.id} is expected`,
      };
    }
    offers.set(id, offer);
  }
  const [first] = offers.values();
  if (first === undefined) return { error: 'No offers specified' };
  for (const offer of offers.values()) {
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
  const tasks = operations.reduce((sum, operation) => sum + tasksOf(operation).length, 0);
  for (const id of ids) takeOffer(state, id, { kind: 'ACCEPTED', tasks }, now);
  return {
    first,
    resources: add(
      [],
      [...offers.values()].flatMap(({ resources }) => resources),
    ),
  };
}

/** What is malformed is found in all operations before the first is performed; one bad resource fails its whole operation. */
function performAll(state: MasterState, basket: Basket, operations: readonly OfferOperation[], now: number): Effect[] {
  const wrong = operations.map((operation) => malformed(operation));
  const refused = operations.flatMap((operation, index) => {
    const reason = wrong[index];
    return reason === undefined ? [] : refuse(basket, operation, reason, now);
  });
  const performed = operations.flatMap((operation, index) =>
    wrong[index] === undefined ? perform(state, basket, operation, index, now) : [],
  );
  return [...refused, ...performed];
}

function malformed(operation: OfferOperation): string | undefined {
  const { type, id } = operation;
  const isLaunch = type === 'LAUNCH' || type === 'LAUNCH_GROUP';
  if (isLaunch && id !== undefined) return `The \`id\` field cannot be set on ${type} operations`;
  return invalidResources(allResources(operation));
}

function perform(state: MasterState, basket: Basket, operation: OfferOperation, index: number, now: number): Effect[] {
  if (operation.type === 'LAUNCH') return launch(state, basket, operation, now);
  if (operation.type === 'LAUNCH_GROUP') return launchGroup(state, basket, operation, now);
  return performConversion(state, basket, operation, index, now);
}

function refuse(basket: Basket, operation: OfferOperation, reason: string, now: number): Effect[] {
  if (operation.type === 'LAUNCH') return refuseTasks(basket, tasksOf(operation), invalidTaskReason, reason, now);
  if (operation.type === 'LAUNCH_GROUP')
    return refuseTasks(basket, tasksOf(operation), invalidGroupReason, reason, now);
  return dropOperation(basket.framework, operation, reason);
}

function tasksOf({ launch, launch_group }: OfferOperation) {
  return launch?.task_infos ?? launch_group?.task_group.tasks ?? [];
}

function allResources(operation: OfferOperation) {
  const launched = [...tasksOf(operation), ...(operation.launch_group ? [operation.launch_group] : [])];
  return [
    ...launched.flatMap((one) => [
      ...('resources' in one ? (one.resources ?? []) : []),
      ...(one.executor?.resources ?? []),
    ]),
    ...resourcesNamed(operation),
  ];
}

/** What operations made is free at once; the rest is refused for a while. */
function giveBackRest(
  state: MasterState,
  { framework, role, agent, remaining }: Basket,
  offered: OfferRecord['resources'],
  seconds: number,
  now: number,
): void {
  const converted = subtract(remaining, offered);
  const rest = subtract(remaining, converted);
  const holder = { framework: framework.id, role, agent: agent.id };
  if (converted.length > 0) state.allocator.recover({ ...holder, resources: converted }, undefined, now);
  if (rest.length > 0) state.allocator.recover({ ...holder, resources: rest }, { refuseSeconds: seconds }, now);
}

type Refusal = {
  reason: 'REASON_INVALID_OFFERS' | 'REASON_AGENT_REMOVED' | 'REASON_AGENT_DISCONNECTED';
  message: string;
};

/** Nothing of the call can be done: its tasks are lost, its operations fail. */
function dropAll(framework: Framework, operations: OfferOperation[], refusal: Refusal, now: number): Effect[] {
  const state = partitionState(framework.info, 'TASK_DROPPED');
  return operations.flatMap((operation) => {
    const isLaunch = operation.type === 'LAUNCH' || operation.type === 'LAUNCH_GROUP';
    if (!isLaunch) return dropOperation(framework, operation, refusal.message);
    return tasksOf(operation).map((task) => refuseTask(framework.id, task, { state, ...refusal }, now));
  });
}
