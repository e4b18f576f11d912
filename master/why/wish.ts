import { resourcesLabel, taskLabel } from '../../protocol/demand-labels.ts';
import type { FrameworkInfo, Task } from '../../protocol/messages.ts';
import { parseResources } from '../../protocol/resource-text.ts';
import { minimumsOf } from '../allocator/minimum.ts';
import { type Framework, roleOfTask } from '../state.ts';
import { amountsOf, isNone, shown } from './amounts.ts';
import type { Amounts, Wish } from './answer.ts';

export function labelOf({ labels }: FrameworkInfo, name: string): string | undefined {
  return labels?.labels?.find(({ key }) => key === name)?.value;
}

/** What a framework waits for in a role, as far as anybody can tell. `asked`: what whoever asks wants to know it of. */
export function wishOf(framework: Framework, role: string, asked: Amounts | undefined): Wish | undefined {
  if (asked !== undefined) return { amounts: asked, source: 'ASKED' };
  return lostWish(framework, role) ?? labelledWish(framework) ?? minimumWish(framework, role);
}

function labelledWish({ info, tasks }: Framework): Wish | undefined {
  const task = labelOf(info, taskLabel);
  const parsed = parseResources(labelOf(info, resourcesLabel) ?? '', '*');
  // What it waited for has been launched.
  if ('error' in parsed || tasks.size > 0) return undefined;
  const amounts = amountsOf(parsed.value);
  if (isNone(amounts)) return undefined;
  return { amounts, source: 'LABEL', ...(task === undefined ? {} : { task_id: task }) };
}

function minimumWish({ info }: Framework, role: string): Wish | undefined {
  const [only, ...alternatives] = minimumsOf(info).get(role) ?? [];
  if (only === undefined || alternatives.length > 0) return undefined;
  const amounts = shown(only);
  return isNone(amounts) ? undefined : { amounts, source: 'OFFER_FILTERS' };
}

const lost = new Set(['TASK_LOST', 'TASK_UNREACHABLE', 'TASK_DROPPED', 'TASK_GONE', 'TASK_GONE_BY_OPERATOR']);

/** The latest task that it lost, unless it has launched another one since. */
function lostWish(framework: Framework, role: string): Wish | undefined {
  const { info, unreachableTasks, completedTasks, tasks } = framework;
  const candidates = [...unreachableTasks.values(), ...completedTasks].filter(
    (task) => lost.has(task.state) && roleOfTask(task, info) === role,
  );
  const latest = newest(candidates);
  if (latest === undefined) return undefined;
  const launched = [...tasks.values(), ...completedTasks].filter((task) => task !== latest && !lost.has(task.state));
  const isReplaced = launched.some((task) => beginOf(task) >= endOf(latest));
  const amounts = amountsOf(latest.resources ?? []);
  return isReplaced || isNone(amounts) ? undefined : { amounts, source: 'LOST_TASK', task_id: latest.task_id.value };
}

function newest(tasks: readonly Task[]): Task | undefined {
  return tasks.reduce<Task | undefined>((best, task) => (best && endOf(best) > endOf(task) ? best : task), undefined);
}

/** One of which nothing was heard has only just been launched. */
function beginOf(task: Task): number {
  return task.statuses?.[0]?.timestamp ?? Number.POSITIVE_INFINITY;
}

function endOf(task: Task): number {
  return task.statuses?.at(-1)?.timestamp ?? 0;
}
