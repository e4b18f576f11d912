import type { SchedulerCallAcknowledgeOperationStatus } from '../../protocol/messages.ts';
import { type Effect, log, sendToAgent } from '../effects.ts';
import type { Framework, MasterState } from '../state.ts';
import { agentOf, forgetOperation, isFinal } from './operations.ts';

/** ACKNOWLEDGE_OPERATION_STATUS: forwarded to the agent; that of the outcome ends the operation. */
export function acknowledgeOperation(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallAcknowledgeOperationStatus,
): Effect[] {
  const id = call.operation_id.value;
  const operation = framework.operations.get(id);
  const agent = operation === undefined ? undefined : agentOf(state, operation);
  if (operation === undefined || agent === undefined || !agent.connected) {
    return [log('ACKNOWLEDGE_OPERATION_STATUS dropped: no such operation or agent', { operation: id }, 'warn')];
  }
  const { latest_status, uuid } = operation;
  if (isFinal(latest_status.state) && latest_status.uuid?.value === call.uuid) forgetOperation(state, agent, operation);
  return [sendToAgent(agent.id, { type: 'ACKNOWLEDGE_OPERATION', operation_uuid: uuid.value, status_uuid: call.uuid })];
}
