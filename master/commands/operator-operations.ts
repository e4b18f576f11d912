import type { OfferOperation, Operation, Resource } from '../../protocol/messages.ts';
import { type Conversion, conversionOf, convert } from '../../protocol/resource-operations.ts';
import { invalidResources } from '../../protocol/resource-validation.ts';
import { add, contains, normalize, subtract } from '../../protocol/resources.ts';
import { allocateSoon, type Effect, log, sendToAgent } from '../effects.ts';
import { countOperation } from '../metrics.ts';
import { completed, rescindShared, resourcesNamed } from '../operations/conversion.ts';
import { operationUuid } from '../operations/operation-uuid.ts';
import { invalidOperation } from '../operations/operation-validation.ts';
import { type Agent, type MasterState, type OfferRecord, offeredResources, usedResources } from '../state.ts';
import { rescindOffer } from './offers.ts';
import { resourcesHeldBack } from './operations.ts';

export type OperationOutcome = { refusal: 'badRequest' | 'conflict'; text: string } | { effects: Effect[] };

/**
 * RESERVE_RESOURCES … SHRINK_VOLUME: an operator's operation on what nobody uses. It is taken as done at once, and offers are rescinded that
 * hold what it needs, but only where that is enough.
 */
export function operateOnAgent(state: MasterState, agent: Agent, given: OfferOperation, now: number): OperationOutcome {
  const operation = completed(given, undefined);
  const wrong = invalid(agent, given, operation);
  const conversion = conversionOf(operation);
  if (wrong !== undefined || conversion === undefined) {
    // Mesos does not name the agent here.
    const place = given.type === 'DESTROY' ? '' : ` on agent ${nameOf(agent)}`;
    return { refusal: 'badRequest', text: `Invalid ${given.type} operation${place}: ${wrong ?? 'Unknown operation'}` };
  }
  // What it does is kept by the agent, and the agent alone.
  if (!agent.connected) return { refusal: 'conflict', text: `Agent ${nameOf(agent)} is disconnected` };
  const { available, needed } = gather(state, agent, conversion);
  const result = convert(available, conversion);
  if ('error' in result) return { refusal: 'conflict', text: result.error };
  const rescinded = [
    ...needed.flatMap(({ id }) => rescindOffer(state, id, 'OPERATOR', now)),
    ...rescindShared(state, agent, conversion, now),
  ];
  state.allocator.convert(agent.id, conversion, undefined);
  agent.total = add(subtract(agent.total, conversion.consumed), conversion.converted);
  countOperation(state, operation.type, 'total');
  const record = newOperation(state, agent, operation);
  agent.operations.set(record.uuid.value, record);
  const order = { type: 'APPLY_OPERATION', operation_uuid: record.uuid.value, info: operation } as const;
  return {
    effects: [
      ...rescinded,
      sendToAgent(agent.id, order),
      log('operation of an operator accepted', { type: operation.type, agent: agent.id }),
      allocateSoon,
    ],
  };
}

function invalid(agent: Agent, given: OfferOperation, operation: OfferOperation): string | undefined {
  const named = resourcesNamed(given);
  const malformed = invalidResources(named);
  if (malformed !== undefined) return `Invalid resources: ${malformed}`;
  const allocated = named.find(({ allocation_info }) => allocation_info !== undefined);
  if (allocated !== undefined) return "Invalid resources: 'allocation_info' must not be set by operators";
  return invalidOperation(operation, { agent });
}

function newOperation(state: MasterState, agent: Agent, info: OfferOperation): Operation {
  const agent_id = { value: agent.id };
  return {
    agent_id,
    info,
    latest_status: { state: 'OPERATION_PENDING', agent_id },
    statuses: [],
    uuid: { value: operationUuid(`${state.master.id}-operator`, state.counters.operation++) },
  };
}

/** What is free, with what would come free of offers that hold something of what is needed: no more of them than it takes. */
function gather(
  state: MasterState,
  agent: Agent,
  { consumed }: Conversion,
): { available: Resource[]; needed: OfferRecord[] } {
  const own = agent.total.filter(isOwn);
  const shared = agent.total.filter((resource) => !isOwn(resource));
  let held = heldOn(state, agent);
  const free = () => [...subtract(own, held), ...shared];
  const needed: OfferRecord[] = [];
  for (const id of agent.offers) {
    if (contains(free(), consumed)) break;
    const offer = state.offers.get(id);
    if (offer === undefined || !adds(offer, subtract(consumed, free()))) continue;
    held = subtract(held, offer.resources);
    needed.push(offer);
  }
  return { available: free(), needed };
}

/** Whether an offer holds something of what is missing. */
function adds({ resources }: OfferRecord, missing: readonly Resource[]): boolean {
  const rest = subtract(missing, resources);
  return !contains(rest, missing);
}

/** What is offered or used, but for copies of what is shared: another one is always there. */
function heldOn(state: MasterState, agent: Agent): Resource[] {
  const held = [
    ...offeredResources(state, agent.offers),
    ...usedResources(agent.tasks.values()),
    ...[...agent.executors.values()].flatMap(({ resources = [] }) => resources),
    ...resourcesHeldBack(state, agent),
  ];
  return normalize(held.filter(isOwn));
}

function isOwn({ shared }: Resource): boolean {
  return shared === undefined;
}

function nameOf({ id, address, info }: Agent): string {
  return `${id} at slave(1)@${address.ip}:${address.port} (${info.hostname})`;
}
