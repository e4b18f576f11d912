import type {
  AgentInfo,
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  OfferOperation,
  Operation,
  OperationStatus,
  Resource,
  Task,
  TaskInfo,
  TaskStatus,
  TaskStatusReason,
} from './messages.ts';

/**
 * The link between agent and master. It is mesita's own (Mesos' is internal to libprocess): the agent dials, so that agents
 * behind NAT work and the master's one port is all that must be reachable.
 *
 *     agent → master  POST /mesita/v1/agent             AgentSubscription; answered by a RecordIO stream of MasterMessage
 *     agent → master  POST /mesita/v1/agent/messages    AgentMessage[] in order, header Mesos-Stream-Id; answered 202
 *     agent → master  POST /mesita/v1/agent/relay/<id>  the answer to an HTTP_REQUEST, status in header `mesita-status`
 *
 * INVARIANTS
 * - Messages of one direction arrive in the order in which they were sent, or the link breaks.
 * - After a break the agent subscribes again with all that it runs; the master reconciles. Nothing is remembered by the link.
 * - Both ends are JSON of this version; a later version adds fields and message types, and both sides ignore unknown ones.
 */
export const agentLinkPath = '/mesita/v1/agent';

export interface AgentSubscription {
  agent: AgentInfo;
  /** Where the agent's own HTTP server listens, as other machines may reach it. */
  address: { hostname: string; ip: string; port: number };
  version: string;
  /** All tasks that the agent holds, terminal ones that are not acknowledged included. */
  tasks: Task[];
  /** Executors that run there, `framework_id` filled in. */
  executors: ExecutorInfo[];
  /** Operations whose outcome is not acknowledged yet. */
  operations: Operation[];
  /** `agent.resources`, but with what operations made of them, and what the agent is oversubscribed by; normal form. */
  total: Resource[];
  /** The frameworks of these tasks and executors. */
  frameworks: FrameworkInfo[];
  /** Which process of the agent dials, and for the how manieth time: what it dialled earlier may arrive later, and does not count. */
  attempt?: { process: string; number: number };
}

/** `started_at`: milliseconds since the epoch. */
export interface DrainOrder {
  config: DrainConfig;
  started_at: number;
}

/** Why the master itself has a task killed: its end is told with this. */
export interface KillCause {
  reason: TaskStatusReason;
  message: string;
}

export type MasterMessage =
  /** With the drain that it is in, if it is in one. `epoch`: which reign over `cluster` this is; a master of an earlier one leads no more. */
  | {
      type: 'REGISTERED';
      agent_id: string;
      master_id: string;
      ping_timeout_seconds: number;
      cluster?: string;
      epoch?: number;
      drain?: DrainOrder;
    }
  /** The agent must not run: unacceptable or no longer wanted. It shuts its tasks down and exits. */
  | { type: 'SHUTDOWN'; message: string; cluster?: string; epoch?: number }
  | { type: 'PING' }
  /** `launch_executor`: false where the master counts on an executor that runs there already. */
  | { type: 'RUN_TASK'; framework: FrameworkInfo; task: TaskInfo; launch_executor?: boolean }
  | {
      type: 'RUN_TASK_GROUP';
      framework: FrameworkInfo;
      executor: ExecutorInfo;
      tasks: TaskInfo[];
      launch_executor?: boolean;
    }
  /** All tasks shall end; without a drain it is over, and tasks come again. */
  | { type: 'DRAIN'; drain?: DrainOrder }
  | { type: 'KILL_TASK'; framework_id: string; task_id: string; kill_policy?: KillPolicy; cause?: KillCause }
  | { type: 'ACKNOWLEDGE'; framework_id: string; task_id: string; uuid: string }
  | { type: 'SHUTDOWN_FRAMEWORK'; framework_id: string }
  /** A framework changed what it says of itself; sent to agents that hold something of it. */
  | { type: 'UPDATE_FRAMEWORK'; framework: FrameworkInfo }
  | { type: 'SHUTDOWN_EXECUTOR'; framework_id: string; executor_id: string }
  /** From a framework to its executor; `data` is base64. */
  | { type: 'FRAMEWORK_MESSAGE'; framework_id: string; executor_id: string; data: string }
  /** Tasks that the master believes to be on the agent; the agent answers TASK_LOST or TASK_DROPPED for those that it does not have. */
  | { type: 'RECONCILE'; tasks: { framework_id: string; task_id: string; partition_aware: boolean }[] }
  /** To be carried out before whatever is sent after it; answered by UPDATE_OPERATION, again and again where it has an `id`. */
  | { type: 'APPLY_OPERATION'; framework_id?: string; operation_uuid: string; info: OfferOperation }
  /** The framework has the outcome with that uuid. */
  | { type: 'ACKNOWLEDGE_OPERATION'; operation_uuid: string; status_uuid: string }
  /** Operations that the master believes pending on the agent; it answers OPERATION_DROPPED for those that never arrived. */
  | {
      type: 'RECONCILE_OPERATIONS';
      operations: { framework_id: string; operation_uuid: string; info: OfferOperation }[];
    }
  /** A request to the agent's own HTTP server on behalf of a client of the master. */
  | { type: 'HTTP_REQUEST'; request_id: string; url: string };

export type AgentMessage =
  | { type: 'PONG' }
  /** `latest_state` may be ahead of `status.state` while older updates wait for their acknowledgement. */
  | { type: 'UPDATE'; framework_id: string; status: TaskStatus; latest_state: TaskStatus['state'] }
  /** The outcome of an operation; with a uuid in the status it is repeated until it is acknowledged. */
  | { type: 'UPDATE_OPERATION'; operation_uuid: string; status: OperationStatus }
  /** From an executor to its framework; `data` is base64. */
  | { type: 'EXECUTOR_MESSAGE'; framework_id: string; executor_id: string; data: string }
  /** What the agent may be given besides its own resources, all of it revocable; as long as nothing else is said. */
  | { type: 'OVERSUBSCRIBED'; resources: Resource[] }
  /** An executor that the master knows of is over. `status`: as wait(2) tells it, exit code 1 is 256. */
  | { type: 'EXECUTOR_EXITED'; framework_id: string; executor_id: string; status: number }
  /** The agent leaves for good; its tasks are over. */
  | { type: 'UNREGISTER' };
