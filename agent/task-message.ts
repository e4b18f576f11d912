import type { CommandInfo, ExecutorInfo, Task, TaskStatus } from '../protocol/messages.ts';
import { hasCapability } from '../protocol/task-state.ts';
import type { Run, TaskRecord } from './state.ts';

/** A task as the master and the operator API are told of it. `last`: the update that counts as its last. */
export function taskMessage(task: TaskRecord, last: TaskStatus | undefined): Task {
  const { info, framework, state, statuses } = task;
  const { labels, discovery, container, health_check, kill_policy, limits, name, task_id, agent_id, resources } = info;
  return {
    name,
    task_id,
    framework_id: { value: framework.id?.value ?? '' },
    ...(info.executor && { executor_id: info.executor.executor_id }),
    agent_id,
    state,
    resources,
    statuses,
    ...(last && { status_update_state: last.state, status_update_uuid: last.uuid }),
    ...(labels && { labels }),
    ...(discovery && { discovery }),
    ...(container && { container }),
    ...(health_check && { health_check }),
    ...(kill_policy && { kill_policy }),
    ...(limits && { limits }),
  };
}

/**
 * The executor of a task that has none of its own is in Mesos a process beside the container, here the agent itself, which
 * asks for no resources. Its id is the task's.
 */
export function executorOf(run: Run): ExecutorInfo {
  if (run.kind === 'executor') return run.info;
  const { info, framework } = run;
  if (info.executor !== undefined) return info.executor;
  const { value } = info.task_id;
  return {
    executor_id: { value },
    framework_id: { value: framework.id?.value ?? '' },
    ...(info.command && { command: info.command }),
    ...(info.container && { container: info.container }),
    name: `Command Executor (Task: ${value}) (Command: ${brief(info.command)})`,
    source: value,
    ...(info.labels && { labels: info.labels }),
  };
}

/** The role that the resources of a task or executor are allocated to. */
export function roleOf({ info, framework }: Run): string {
  const own = hasCapability(framework, 'MULTI_ROLE') ? framework.roles?.[0] : framework.role;
  return info.resources?.[0]?.allocation_info?.role ?? own ?? '*';
}

const longestShown = 15;

/** Mesos' executors are named after the first letters of what they run. */
function brief(command: CommandInfo | undefined): string {
  const { value, arguments: parameters = [], shell = true } = command ?? {};
  if (shell) return value === undefined ? 'NO COMMAND' : `sh -c '${shortened(value)}'`;
  return value === undefined ? 'NO EXECUTABLE' : `[${shortened([value, parameters.join(', ')].join(', '))}]`;
}

/** Letters are counted as Mesos does: by their bytes. */
function shortened(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length > longestShown ? `${bytes.subarray(0, longestShown - 3)}...` : text;
}
