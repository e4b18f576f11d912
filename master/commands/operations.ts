import { type AgentId, asAgentId, asFrameworkId } from '../../protocol/ids.ts';
import type { Operation, OperationState, OperationStatus, Resource } from '../../protocol/messages.ts';
import { conversionOf, isSpeculative } from '../../protocol/resource-operations.ts';
import { add, contains, subtract } from '../../protocol/resources.ts';
import { type Effect, sendEvent, sendToAgent } from '../effects.ts';
import { countOperation } from '../metrics.ts';
import { type Agent, type Framework, type MasterState, rolesOf } from '../state.ts';

const finalStates: ReadonlySet<OperationState> = new Set([
  'OPERATION_FINISHED',
  'OPERATION_FAILED',
  'OPERATION_ERROR',
  'OPERATION_DROPPED',
  'OPERATION_GONE_BY_OPERATOR',
]);

/** Whether nothing more will be heard of an operation in that state. */
export function isFinal(state: OperationState): boolean {
  return finalStates.has(state);
}

/** The outcome of an operation, as its agent tells it, perhaps not for the first time. */
export function updateOperation(
  state: MasterState,
  agentId: AgentId,
  update: { operation_uuid: string; status: OperationStatus },
  now: number,
): Effect[] {
  const agent = state.agents.get(agentId);
  const operation = agent?.operations.get(update.operation_uuid);
  const { status } = update;
  // Nobody waits for it any more: its framework is gone, or has acknowledged it already.
  if (agent === undefined || operation === undefined) return dismiss(agentId, update.operation_uuid, status);
  const framework = frameworkOf(state, operation);
  if (isFinal(status.state) && !isFinal(operation.latest_status.state)) {
    countOperation(state, operation.info.type, status.state.replace('OPERATION_', '').toLowerCase());
    settleOperation(state, agent, operation, status.state === 'OPERATION_FINISHED', now);
  }
  operation.latest_status = status;
  const statuses = (operation.statuses ?? []).filter((known) => known.state !== status.state);
  operation.statuses = [...statuses, status];
  if (isFinal(status.state) && status.uuid === undefined) forgetOperation(state, agent, operation);
  return framework === undefined ? [] : tell(framework, status);
}

function dismiss(agent: AgentId, operation_uuid: string, { uuid }: OperationStatus): Effect[] {
  if (uuid === undefined) return [];
  return [sendToAgent(agent, { type: 'ACKNOWLEDGE_OPERATION', operation_uuid, status_uuid: uuid.value })];
}

/** UPDATE_OPERATION_STATUS, for operations that have an id, and frameworks that listen. */
export function tell(framework: Framework, status: OperationStatus): Effect[] {
  if (status.operation_id === undefined || !framework.connected) return [];
  return [sendEvent(framework.id, { type: 'UPDATE_OPERATION_STATUS', update_operation_status: { status } })];
}

/** The end of an operation whose resources were held back for it: they become what it made of them, or stay what they were. */
export function settleOperation(
  state: MasterState,
  agent: Agent,
  operation: Operation,
  finished: boolean,
  now: number,
): void {
  const conversion = heldBack(operation);
  const framework = frameworkOf(state, operation);
  if (conversion === undefined || framework === undefined) return;
  const holder = { framework: framework.id, role: roleOf(operation, framework) };
  const there = finished && contains(agent.total, conversion.consumed);
  if (there) {
    state.allocator.convert(agent.id, conversion, holder);
    agent.total = add(subtract(agent.total, conversion.consumed), conversion.converted);
  }
  const resources = there ? conversion.converted : conversion.consumed;
  state.allocator.recover({ ...holder, agent: agent.id, resources }, undefined, now);
}

/** Counts what a pending operation holds back as allocated, when its agent comes back with it. */
export function chargeOperation(state: MasterState, agent: Agent, operation: Operation): void {
  const conversion = isFinal(operation.latest_status.state) ? undefined : heldBack(operation);
  const framework = frameworkOf(state, operation);
  if (conversion === undefined || framework === undefined) return;
  const holder = { framework: framework.id, role: roleOf(operation, framework) };
  state.allocator.charge({ ...holder, agent: agent.id, resources: conversion.consumed });
}

export function forgetOperation(state: MasterState, agent: Agent, operation: Operation): void {
  agent.operations.delete(operation.uuid.value);
  const id = operation.info.id?.value;
  const framework = frameworkOf(state, operation);
  if (id !== undefined && framework?.operations.get(id) === operation) framework.operations.delete(id);
}

/** Keeps an operation where it is looked for: with its agent, and by its id with its framework. */
export function keepOperation(state: MasterState, agent: Agent, operation: Operation): void {
  agent.operations.set(operation.uuid.value, operation);
  const id = operation.info.id?.value;
  if (id !== undefined) frameworkOf(state, operation)?.operations.set(id, operation);
}

/** Operations of a framework that an agent had told of before the framework came. */
export function claimOperations(state: MasterState, framework: Framework): void {
  for (const agent of state.agents.values()) {
    for (const operation of agent.operations.values()) {
      if (operation.framework_id?.value === framework.id) keepOperation(state, agent, operation);
    }
  }
}

export function frameworkOf(state: MasterState, operation: Operation): Framework | undefined {
  return state.frameworks.get(asFrameworkId(operation.framework_id?.value ?? ''));
}

export function agentOf(state: MasterState, operation: Operation): Agent | undefined {
  return state.agents.get(asAgentId(operation.agent_id?.value ?? ''));
}

/** What pending operations of frameworks keep from being offered on an agent. */
export function resourcesHeldBack(state: MasterState, agent: Agent): Resource[] {
  return [...agent.operations.values()].flatMap((operation) => {
    if (isFinal(operation.latest_status.state) || frameworkOf(state, operation) === undefined) return [];
    return heldBack(operation)?.consumed ?? [];
  });
}

/** What a pending operation keeps from being offered: nothing where its result is taken as given. */
function heldBack({ info }: Operation) {
  return isSpeculative(info) ? undefined : conversionOf(info);
}

function roleOf({ info }: Operation, framework: Framework): string {
  const volume = info.grow_volume?.volume ?? info.shrink_volume?.volume;
  return volume?.allocation_info?.role ?? rolesOf(framework.info)[0] ?? '*';
}
