/** What is done to the agent, or to the master, in the course of a session. */
export type Deed =
  | 'restart master'
  | 'stop agent'
  | 'start agent'
  | 'kill agent'
  | 'revive agent'
  | 'cut link'
  | 'mend link'
  | `end executor ${string}`;

/** Recordings that were made together: replayed in one go, on a master and an agent of their own. */
export interface Session {
  files: readonly string[];
  /** Of the master; most were recorded without one that outlives it. */
  registry?: 'replicated_log';
  /** After how many checks the tasks were over whose checks never come to rest. */
  flaps?: { health: number; check: number };
  /** Deeds, by the name of the exchange after whose first occurrence they are done; `end of …`: after that of a stream. */
  deeds?: Readonly<Record<string, Deed>>;
}

/** There the agent came back after its ping timeout; the link is cut until then. */
const masterKilled = {
  'plain:SUPPRESS': 'restart master',
  'aware2:RECONCILE implicit before agent re-registers': 'mend link',
} as const;

export const sessions: Readonly<Record<string, Session>> = {
  errors: { files: ['a_errors'] },
  'errors-b': { files: ['a_errors_b'] },
  raw: { files: ['h_http_raw'] },
  protobuf: { files: ['c_sched_protobuf'] },
  'invalid-tasks': { files: ['b_sched_invalid_tasks'] },
  'scheduler-full': { files: ['b_sched_json_full'], flaps: { health: 10, check: 6 } },
  'scheduler-none': { files: ['b_sched_json_none'], flaps: { health: 11, check: 5 } },
  operator: {
    files: ['d_framework_traffic', 'd_master_operator', 'd_master_legacy', 'd_operator_subscribe'],
  },
  agent: { files: ['e_framework_traffic', 'e_agent'] },
  'executor-protobuf': {
    files: ['f_executor_protobuf_scheduler_side', 'f_executor_exp'],
    deeds: { 'end of exec:SUBSCRIBE #1(stream)': 'end executor exp' },
  },
  // Up to where a task is killed, and the agent.
  executor: { files: ['f_executor_scheduler_side', 'f_executor_ex1'] },
  'docker-tasks': { files: ['j_docker_tasks'] },
  'master-killed': { files: ['k_master_failover'], deeds: masterKilled },
  'master-killed-registry': { files: ['k_master_failover_replog'], registry: 'replicated_log', deeds: masterKilled },
  'agent-loss': {
    files: ['d_agent_loss'],
    deeds: {
      'ckpt:RECONCILE explicit after machine down': 'stop agent',
      'POST /machine/up': 'start agent',
      'ckpt:ACKNOWLEDGE kk-ckpt TASK_RUNNING': 'kill agent',
      'ckpt:RECONCILE implicit, agent disconnected': 'revive agent',
      'op:DRAIN_AGENT gone': 'start agent',
      'op:GET_AGENTS [drain mark_gone later]': 'start agent',
      'ckpt:ACKNOWLEDGE us-ckpt TASK_RUNNING': 'stop agent',
    },
  },
};
