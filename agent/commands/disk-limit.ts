import type { Resource } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { Effect } from '../effects.ts';
import { resourcesHeld } from '../executor-tasks.ts';
import type { AgentState, Ending, Run } from '../state.ts';
import type { Context } from '../status-updates.ts';
import { destroyExecutor } from './executor-container.ts';
import { endTask } from './kill-task.ts';

/** MB that a sandbox may take: the disk that its task, or its executor with its tasks, asked for. Volumes are not in it. */
export function diskQuota(run: Run): number | undefined {
  const resources = run.kind === 'task' ? (run.info.resources ?? []) : resourcesHeld(run);
  const disks = resources.filter(({ name, disk }) => name === 'disk' && disk === undefined);
  if (disks.length === 0) return undefined;
  return disks.reduce((sum, { scalar }) => sum + (scalar?.value ?? 0), 0);
}

/** A sandbox takes more than it may, in MB: its task or executor is ended, at once. */
export function diskExceeded(
  state: AgentState,
  run: Run,
  { used, quota }: { used: number; quota: number },
  context: Context,
): Effect[] {
  const disk: Resource = { name: 'disk', type: 'SCALAR', scalar: { value: quota }, role: '*' };
  const ending = {
    reason: 'REASON_CONTAINER_LIMITATION_DISK',
    message: `Disk limit exceeded: limit ${quota} MB, ${Math.round(used * 10) / 10} MB in the sandbox. Ask for more disk, or let the task write less`,
    limitation: { resources: [disk] },
  } as const satisfies Omit<Ending, 'state'>;
  if (run.kind === 'task') return isTerminal(run.state) ? [] : endTask(state, run, ending, context);
  if (run.phase === 'ended' || run.ending !== undefined) return [];
  run.ending = { state: 'TASK_FAILED', ...ending };
  return destroyExecutor(run);
}
