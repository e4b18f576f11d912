import { asAgentId } from '../../protocol/ids.ts';
import type {
  Operation,
  OperationState,
  OperationStatus,
  SchedulerCallReconcileOperations,
  SchedulerCallReconcileOperationsOperation,
} from '../../protocol/messages.ts';
import type { Effect } from '../effects.ts';
import type { Framework, MasterState } from '../state.ts';
import { tell } from './operations.ts';

/** RECONCILE_OPERATIONS: implicit (none named) tells the state of all operations that are known, explicit that of each one named. */
export function reconcileOperations(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallReconcileOperations,
): Effect[] {
  const asked = call.operations ?? [];
  const statuses =
    asked.length === 0
      ? [...framework.operations.values()].map(latestStatus)
      : asked.map((operation) => answer(state, framework, operation));
  return statuses.flatMap((status) => tell(framework, status));
}

/** The answer is not to be acknowledged. */
function latestStatus({ latest_status }: Operation): OperationStatus {
  const { uuid: _uuid, ...status } = latest_status;
  return status;
}

function answer(
  state: MasterState,
  framework: Framework,
  { operation_id, agent_id, resource_provider_id }: SchedulerCallReconcileOperationsOperation,
): OperationStatus {
  const known = framework.operations.get(operation_id.value);
  if (known !== undefined) return latestStatus(known);
  const [outcome, reason] = fateOf(state, agent_id?.value);
  return {
    operation_id,
    state: outcome,
    message: `Reconciliation: ${reason}`,
    ...(agent_id && { agent_id }),
    ...(resource_provider_id && { resource_provider_id }),
  };
}

function fateOf(state: MasterState, agent: string | undefined): [OperationState, string] {
  if (agent === undefined) return ['OPERATION_UNKNOWN', "Operation is unknown and no 'agent_id' was provided"];
  const id = asAgentId(agent);
  if (state.agents.has(id)) return ['OPERATION_UNKNOWN', 'Operation is unknown'];
  if (state.recovery.agents.has(id)) return ['OPERATION_RECOVERING', 'Agent has not yet reregistered with master'];
  if (state.unreachableAgents.has(id)) return ['OPERATION_UNREACHABLE', 'Agent is unreachable'];
  if (state.goneAgents.has(id)) return ['OPERATION_GONE_BY_OPERATOR', 'Agent marked gone by operator'];
  return ['OPERATION_UNKNOWN', 'Both operation and agent are unknown'];
}
