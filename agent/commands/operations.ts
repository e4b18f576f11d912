import { type IdSource, uuidToBase64 } from '../../protocol/ids.ts';
import type { OfferOperation, Operation, OperationState, OperationStatus, Resource } from '../../protocol/messages.ts';
import { conversionOf, convert } from '../../protocol/resource-operations.ts';
import { reservationRole } from '../../protocol/resources.ts';
import { type Effect, log } from '../effects.ts';
import type { AgentState, OperationRecord } from '../state.ts';
import { type Context, firstRetryMs, longestRetryMs } from '../status-updates.ts';

interface Ordered {
  operation_uuid: string;
  framework_id?: string;
  info: OfferOperation;
}

/**
 * APPLY_OPERATION: the agent's resources change at once, so that what the master sends next finds them; the outcome is told
 * when volumes are made or removed and all is on disk. A repeated order is passed over.
 */
export function applyOperation(state: AgentState, agent: string, order: Ordered, { ids }: Context): Effect[] {
  const { operation_uuid: uuid, framework_id, info } = order;
  if (state.operations.has(uuid)) return [log('operation is there already', { operation: uuid }, 'warn')];
  const conversion = conversionOf(info);
  const result = conversion === undefined ? { error: 'Unknown operation' } : convert(state.total, conversion);
  if ('value' in result) state.total = result.value;
  const failure = 'error' in result ? result.error : undefined;
  const outcome = failure === undefined ? 'OPERATION_FINISHED' : 'OPERATION_FAILED';
  const record = newRecord({ uuid, framework: framework_id, info }, statusOf(info, agent, outcome, failure, ids));
  state.operations.set(uuid, record);
  const volumes = failure === undefined ? (info.create?.volumes ?? []) : [];
  const removed = failure === undefined ? (info.destroy?.volumes ?? []) : [];
  return [{ kind: 'settleOperation', operation: record, made: volumes, removed }];
}

/** RECONCILE_OPERATIONS: those that never arrived here are dropped, and the framework is told so until it acknowledges. */
export function reconcileOperations(
  state: AgentState,
  agent: string,
  asked: readonly (Ordered & { framework_id: string })[],
  { ids }: Context,
): Effect[] {
  return asked.flatMap(({ operation_uuid: uuid, framework_id, info }): Effect[] => {
    if (state.operations.has(uuid)) return [];
    const status = statusOf(info, agent, 'OPERATION_DROPPED', 'Operation is unknown to the agent', ids);
    const record = newRecord({ uuid, framework: framework_id, info }, status);
    state.operations.set(uuid, record);
    return [{ kind: 'settleOperation', operation: record, made: [], removed: [] }];
  });
}

/** What an earlier run of the agent had not heard the acknowledgement of, and perhaps not finished: volumes that are gone are removed. */
export function restoreOperations(state: AgentState, operations: readonly Operation[]): Effect[] {
  return operations.map(({ uuid, framework_id, info, latest_status }) => {
    const record = newRecord({ uuid: uuid.value, framework: framework_id?.value, info }, latest_status);
    state.operations.set(uuid.value, record);
    const destroyed = latest_status.state === 'OPERATION_FINISHED' ? (info.destroy?.volumes ?? []) : [];
    const removed = destroyed.filter((volume) => !hasVolume(state, volume));
    return { kind: 'settleOperation', operation: record, made: [], removed };
  });
}

/** Whether a volume of that role and id is there, perhaps a later one of another size. */
function hasVolume({ total }: AgentState, volume: Resource): boolean {
  return total.some(
    (resource) =>
      resource.disk?.persistence?.id === volume.disk?.persistence?.id &&
      reservationRole(resource) === reservationRole(volume),
  );
}

/** Volumes and disk are as the operation wants them: its outcome goes to the master. */
export function operationSettled(state: AgentState, operation: OperationRecord, now: number): Effect[] {
  operation.settled = true;
  // Nobody acknowledges an operation that has no id.
  if (operation.status.uuid === undefined) state.operations.delete(operation.uuid);
  return send(operation, now);
}

/** ACKNOWLEDGE_OPERATION: the framework has the outcome. */
export function acknowledgeOperation(state: AgentState, uuid: string, statusUuid: string): Effect[] {
  const operation = state.operations.get(uuid);
  if (operation === undefined || operation.status.uuid?.value !== statusUuid) return [];
  state.operations.delete(uuid);
  return [{ kind: 'checkpoint' }];
}

/** Tells again what was not acknowledged in time. */
export function retryOperations(state: AgentState, now: number): Effect[] {
  return [...state.operations.values()].flatMap((operation) =>
    operation.settled && operation.nextRetry !== undefined && operation.nextRetry <= now ? send(operation, now) : [],
  );
}

/** A new link to the master: every outcome goes out at once, with the first interval again. */
export function resendOperations(state: AgentState, now: number): Effect[] {
  return [...state.operations.values()].flatMap((operation) => {
    if (!operation.settled) return [];
    operation.interval = firstRetryMs;
    return send(operation, now);
  });
}

/** What the master must know of operations after a break of the link: what is not settled yet cannot be acknowledged. */
export function operationMessages(state: AgentState, agent: string): Operation[] {
  return [...state.operations.values()].map((operation) => {
    const { status, settled } = operation;
    return message(operation, agent, settled ? status : withoutUuid(status));
  });
}

/** The same for the checkpoint: once it is written, the outcome stands. */
export function operationsToKeep(state: AgentState, agent: string): Operation[] {
  return [...state.operations.values()].map((operation) => message(operation, agent, operation.status));
}

function message({ uuid, framework, info }: OperationRecord, agent: string, status: OperationStatus): Operation {
  return {
    ...(framework === undefined ? {} : { framework_id: { value: framework } }),
    agent_id: { value: agent },
    info,
    latest_status: status,
    statuses: [status],
    uuid: { value: uuid },
  };
}

function withoutUuid({ uuid: _uuid, ...status }: OperationStatus): OperationStatus {
  return status;
}

function send(operation: OperationRecord, now: number): Effect[] {
  operation.nextRetry = now + operation.interval;
  operation.interval = Math.min(operation.interval * 2, longestRetryMs);
  const { uuid: operation_uuid, status } = operation;
  return [{ kind: 'sendToMaster', message: { type: 'UPDATE_OPERATION', operation_uuid, status } }];
}

function newRecord(
  { uuid, framework, info }: Pick<OperationRecord, 'uuid' | 'framework' | 'info'>,
  status: OperationStatus,
): OperationRecord {
  return { uuid, framework, info, status, settled: false, nextRetry: undefined, interval: firstRetryMs };
}

/** Only the outcome of an operation with an id is acknowledged, and so has a uuid. */
function statusOf(
  { id }: OfferOperation,
  agent: string,
  state: OperationState,
  message: string | undefined,
  ids: IdSource,
): OperationStatus {
  return {
    ...(id && { operation_id: id }),
    state,
    ...(message === undefined ? {} : { message }),
    ...(id && { uuid: { value: uuidToBase64(ids.uuid()) } }),
    agent_id: { value: agent },
  };
}
