import type { AgentMessage, MasterMessage } from '../../protocol/agent-link.ts';
import type { ExecutorInfo, Operation, OperationState, Resource } from '../../protocol/messages.ts';
import { conversionOf, convert } from '../../protocol/resource-operations.ts';
import { resourcesOf } from './master-messages.ts';

/** What an agent has besides tasks, as far as the master can tell: resources that operations change, outcomes to be acknowledged, executors. */
export class WorkerBelongings {
  total: Resource[];
  readonly operations = new Map<string, Operation>();
  /** Outcomes that nobody was told of yet. */
  readonly unsaid = new Set<string>();
  readonly executors = new Map<string, ExecutorInfo>();
  readonly #uuid: () => string;

  constructor(resources: string, uuid: () => string) {
    this.total = resourcesOf(resources);
    this.#uuid = uuid;
  }

  /** A new process without memory. */
  forget(resources: string): void {
    this.total = resourcesOf(resources);
    this.operations.clear();
    this.unsaid.clear();
    this.executors.clear();
  }

  obey(message: MasterMessage, agent: string): void {
    if (message.type === 'APPLY_OPERATION') {
      const conversion = conversionOf(message.info);
      const result = conversion === undefined ? { error: 'unknown' } : convert(this.total, conversion);
      if ('value' in result) this.total = result.value;
      this.#keep(message, agent, 'value' in result ? 'OPERATION_FINISHED' : 'OPERATION_FAILED');
    }
    if (message.type === 'RECONCILE_OPERATIONS') {
      for (const asked of message.operations) {
        if (!this.operations.has(asked.operation_uuid)) this.#keep(asked, agent, 'OPERATION_DROPPED');
      }
    }
    if (message.type === 'ACKNOWLEDGE_OPERATION') {
      const known = this.operations.get(message.operation_uuid);
      if (known?.latest_status.uuid?.value === message.status_uuid) this.operations.delete(message.operation_uuid);
    }
    if (message.type === 'RUN_TASK' && message.task.executor !== undefined) this.#run(message.task.executor);
    if (message.type === 'RUN_TASK_GROUP') this.#run(message.executor);
    if (message.type === 'SHUTDOWN_FRAMEWORK') {
      for (const [key, { framework_id }] of this.executors) {
        if (framework_id?.value === message.framework_id) this.executors.delete(key);
      }
    }
  }

  /** Outcomes to tell: those not told yet, or on a new link all of them. */
  outcomes(all: boolean): (AgentMessage & { type: 'UPDATE_OPERATION' })[] {
    const uuids = all ? [...this.operations.keys()] : [...this.unsaid];
    this.unsaid.clear();
    return uuids.flatMap((operation_uuid) => {
      const operation = this.operations.get(operation_uuid);
      if (operation === undefined) return [];
      const status = operation.latest_status;
      if (status.uuid === undefined) this.operations.delete(operation_uuid);
      return [{ type: 'UPDATE_OPERATION' as const, operation_uuid, status }];
    });
  }

  #run(executor: ExecutorInfo): void {
    this.executors.set(`${executor.framework_id?.value}/${executor.executor_id.value}`, executor);
  }

  #keep(
    order: { operation_uuid: string; framework_id?: string; info: Operation['info'] },
    agent: string,
    state: OperationState,
  ): void {
    const { operation_uuid, framework_id = '', info } = order;
    if (this.operations.has(operation_uuid)) throw new Error(`${operation_uuid} is ordered twice`);
    this.operations.set(operation_uuid, {
      framework_id: { value: framework_id },
      agent_id: { value: agent },
      info,
      latest_status: {
        state,
        agent_id: { value: agent },
        ...(info.id && { operation_id: info.id, uuid: { value: this.#uuid() } }),
      },
      uuid: { value: operation_uuid },
    });
    this.unsaid.add(operation_uuid);
  }
}
