/** Recordings that were made together: replayed in one go, on a master and an agent of their own. */
export const sessions: readonly { name: string; files: readonly string[] }[] = [
  { name: 'errors', files: ['a_errors'] },
  { name: 'errors-b', files: ['a_errors_b'] },
  { name: 'raw', files: ['h_http_raw'] },
  { name: 'protobuf', files: ['c_sched_protobuf'] },
  { name: 'invalid-tasks', files: ['b_sched_invalid_tasks'] },
  { name: 'scheduler-full', files: ['b_sched_json_full'] },
  { name: 'scheduler-none', files: ['b_sched_json_none'] },
  {
    name: 'operator',
    files: ['d_framework_traffic', 'd_master_operator', 'd_master_legacy', 'd_operator_subscribe'],
  },
  { name: 'agent-loss', files: ['d_agent_loss'] },
];
