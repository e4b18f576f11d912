import type { Task } from '../../protocol/messages.ts';
import { type Document, taskDocument } from '../../protocol/v0-documents.ts';
import { type Framework, type MasterState, roleOfTask } from '../state.ts';

const defaultLimit = 100;

export interface TaskQuery {
  framework_id?: string | undefined;
  task_id?: string | undefined;
  /** Tasks at the most; -1 for all. What is no number counts as absent. */
  limit?: string | undefined;
  offset?: string | undefined;
  /** `asc`, or anything else for the latest first. */
  order?: string | undefined;
}

/** `/tasks`: whatever is still known of, sorted by the time of the first status. */
export function tasksDocument(state: MasterState, query: TaskQuery): Document {
  const found = [...state.frameworks.values(), ...state.completedFrameworks.values()]
    .filter((framework) => query.framework_id === undefined || framework.id === query.framework_id)
    .flatMap(tasksOf)
    .filter(({ task }) => query.task_id === undefined || task.task_id.value === query.task_id);
  const sign = query.order === 'asc' ? 1 : -1;
  found.sort((left, right) => sign * compareBegin(left.task, right.task));
  const offset = Math.max(0, numberOr(query.offset, 0));
  const limit = numberOr(query.limit, defaultLimit);
  const page = found.slice(offset, limit < 0 ? undefined : offset + limit);
  return { tasks: page.map(({ framework, task }) => taskDocument(task, roleOfTask(task, framework.info))) };
}

function tasksOf(framework: Framework): { framework: Framework; task: Task }[] {
  const { tasks, unreachableTasks, completedTasks } = framework;
  return [...tasks.values(), ...unreachableTasks.values(), ...completedTasks].map((task) => ({ framework, task }));
}

/** Tasks of which nothing was heard come before all others. */
function compareBegin(left: Task, right: Task): number {
  const [begin, other] = [left, right].map((task) => task.statuses?.[0]?.timestamp ?? Number.NEGATIVE_INFINITY);
  return begin === other ? 0 : Number(begin) - Number(other);
}

function numberOr(text: string | undefined, fallback: number): number {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : fallback;
}
