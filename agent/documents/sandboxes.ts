import { dirname, join } from 'node:path';
import { runsOf } from '../executor-tasks.ts';
import type { AgentState } from '../state.ts';
import { executorOf } from '../task-message.ts';
import { frameworkOf } from './state.ts';

/** `/files/debug`: every path under which a sandbox may be asked for, with the one where it is. */
export function sandboxesDocument(state: AgentState): Record<string, string> {
  const runs = [...[...state.completed.values()].flat(), ...runsOf(state)];
  const names = runs
    .filter(({ sandbox }) => sandbox !== '')
    .flatMap((run): [string, string][] => [
      [`/frameworks/${frameworkOf(run)}/executors/${executorOf(run).executor_id.value}/runs/latest`, run.sandbox],
      [join(dirname(run.sandbox), 'latest'), run.sandbox],
      [run.sandbox, run.sandbox],
    ]);
  return Object.fromEntries(names.sort(([left], [right]) => (left < right ? -1 : 1)));
}
