import type { OfferOperation, Operation, Resource } from '../../protocol/messages.ts';
import { type Conversion, conversionOf, convert, isSpeculative } from '../../protocol/resource-operations.ts';
import { add, contains, subtract, toPostRefinement } from '../../protocol/resources.ts';
import { rescindOffer } from '../commands/offers.ts';
import { type Effect, log, sendEvent, sendToAgent } from '../effects.ts';
import { countOperation } from '../metrics.ts';
import type { Agent, Framework, MasterState } from '../state.ts';
import { allocated, type Basket } from './basket.ts';
import { operationUuid } from './operation-uuid.ts';
import { invalidOperation } from './operation-validation.ts';

/**
 * RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME, SHRINK_VOLUME. The first four are taken as done at once, so that the operations
 * after them build on the result; what comes of the others is known when the agent has answered.
 */
export function performConversion(
  state: MasterState,
  basket: Basket,
  given: OfferOperation,
  index: number,
  now: number,
): Effect[] {
  const { framework, agent, role } = basket;
  const operation = completed(given, role);
  const taken = operation.id !== undefined && framework.operations.has(operation.id.value);
  const wrong = taken ? `Operation has duplicate ID: ${operation.id?.value}` : invalidOperation(operation, basket);
  const conversion = conversionOf(operation);
  if (wrong !== undefined || conversion === undefined)
    return dropOperation(framework, given, wrong ?? 'Unknown operation');
  const result = convert(basket.remaining, conversion, role);
  if ('error' in result) return dropOperation(framework, given, result.error);
  const rescinded = rescindShared(state, agent, conversion, now);
  if (isSpeculative(operation)) {
    basket.remaining = result.value;
    basket.shared = add(subtract(basket.shared, conversion.consumed), conversion.converted.filter(isShared));
    state.allocator.convert(agent.id, conversion, { framework: framework.id, role });
    agent.total = add(subtract(agent.total, conversion.consumed), conversion.converted);
  } else {
    basket.remaining = subtract(basket.remaining, conversion.consumed);
  }
  countOperation(state, operation.type, 'total');
  const record = newOperation(basket, operation, operationUuid(basket.call, index));
  agent.operations.set(record.uuid.value, record);
  if (operation.id !== undefined) framework.operations.set(operation.id.value, record);
  return [
    ...rescinded,
    sendToAgent(agent.id, {
      type: 'APPLY_OPERATION',
      framework_id: framework.id,
      operation_uuid: record.uuid.value,
      info: operation,
    }),
    log('operation accepted', { framework: framework.id, type: operation.type, agent: agent.id }),
  ];
}

/** An operation that is not done. Who gave it no id does not hear of it. */
export function dropOperation(framework: Framework, operation: OfferOperation, message: string): Effect[] {
  const effects: Effect[] = [log('operation dropped', { framework: framework.id, reason: message }, 'warn')];
  if (operation.id === undefined) return effects;
  const status = { operation_id: operation.id, state: 'OPERATION_ERROR', message } as const;
  return [
    ...effects,
    sendEvent(framework.id, { type: 'UPDATE_OPERATION_STATUS', update_operation_status: { status } }),
  ];
}

/** The resources that an operation other than a launch names. */
export function resourcesNamed(operation: OfferOperation): Resource[] {
  const { reserve, unreserve, create, destroy, grow_volume, shrink_volume, create_disk, destroy_disk } = operation;
  return [
    ...(reserve?.source ?? []),
    ...(reserve?.resources ?? []),
    ...(unreserve?.resources ?? []),
    ...(create?.volumes ?? []),
    ...(destroy?.volumes ?? []),
    ...(grow_volume === undefined ? [] : [grow_volume.volume, grow_volume.addition]),
    ...(shrink_volume === undefined ? [] : [shrink_volume.volume]),
    ...(create_disk === undefined ? [] : [create_disk.source]),
    ...(destroy_disk === undefined ? [] : [destroy_disk.source]),
  ];
}

/** Post-refinement, and allocated to the role of the offers where the scheduler names none; without a role not allocated. */
export function completed(operation: OfferOperation, role: string | undefined): OfferOperation {
  const one = (resource: Resource) => {
    const post = toPostRefinement(resource);
    return role === undefined ? post : allocated({ ...post, ...allocationOf(resource) }, role);
  };
  const all = (resources: readonly Resource[] | undefined) => (resources ?? []).map(one);
  const { reserve, unreserve, create, destroy, grow_volume, shrink_volume } = operation;
  return {
    ...operation,
    ...(reserve && {
      reserve: { ...(reserve.source && { source: all(reserve.source) }), resources: all(reserve.resources) },
    }),
    ...(unreserve && { unreserve: { resources: all(unreserve.resources) } }),
    ...(create && { create: { volumes: all(create.volumes) } }),
    ...(destroy && { destroy: { volumes: all(destroy.volumes) } }),
    ...(grow_volume && { grow_volume: { volume: one(grow_volume.volume), addition: one(grow_volume.addition) } }),
    ...(shrink_volume && { shrink_volume: { ...shrink_volume, volume: one(shrink_volume.volume) } }),
  };
}

function allocationOf({ allocation_info }: Resource): Pick<Resource, 'allocation_info'> {
  return allocation_info === undefined ? {} : { allocation_info };
}

function newOperation({ framework, agent }: Basket, info: OfferOperation, uuid: string): Operation {
  const agent_id = { value: agent.id };
  return {
    framework_id: { value: framework.id },
    agent_id,
    info,
    latest_status: { ...(info.id && { operation_id: info.id }), state: 'OPERATION_PENDING', agent_id },
    statuses: [],
    uuid: { value: uuid },
  };
}

/** Whoever is offered a copy of a shared volume that is destroyed loses the offer. */
export function rescindShared(
  state: MasterState,
  agent: Agent,
  { consumed, converted }: Conversion,
  now: number,
): Effect[] {
  const destroyed = subtract(consumed.filter(isShared), converted);
  if (destroyed.length === 0) return [];
  return [...agent.offers].flatMap((id) => {
    const offered = state.offers.get(id)?.resources ?? [];
    return destroyed.some((volume) => contains(offered, [volume]))
      ? rescindOffer(state, id, 'VOLUME_DESTROYED', now)
      : [];
  });
}

function isShared({ shared }: Resource): boolean {
  return shared !== undefined;
}
