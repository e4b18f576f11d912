import { dirname, join } from 'node:path';
import type { AgentState } from '../state.ts';
import { frameworkOf } from './state.ts';

/** `/files/debug`: every path under which a sandbox may be asked for, with the one where it is. */
export function sandboxesDocument(state: AgentState): Record<string, string> {
  const tasks = [...[...state.completed.values()].flat(), ...state.tasks.values()];
  const names = tasks
    .filter(({ sandbox }) => sandbox !== '')
    .flatMap((task): [string, string][] => [
      [`/frameworks/${frameworkOf(task)}/executors/${task.info.task_id.value}/runs/latest`, task.sandbox],
      [join(dirname(task.sandbox), 'latest'), task.sandbox],
      [task.sandbox, task.sandbox],
    ]);
  return Object.fromEntries(names.sort(([left], [right]) => (left < right ? -1 : 1)));
}
