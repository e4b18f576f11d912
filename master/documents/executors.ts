import type { ExecutorInfo } from '../../protocol/messages.ts';
import type { Resources } from '../../protocol/resources.ts';
import { type Document, executorDocument } from '../../protocol/v0-documents.ts';
import { type Framework, type MasterState, roleOfExecutor } from '../state.ts';

interface RunningExecutor {
  executor: ExecutorInfo;
  agent: string;
}

export type ExecutorsByFramework = ReadonlyMap<string, readonly RunningExecutor[]>;

/** The executors that the master knows of: none for tasks with a command of their own. */
export function executorsByFramework(state: MasterState): ExecutorsByFramework {
  const all = [...state.agents.values()].flatMap(({ id, executors }) =>
    [...executors.values()].map((executor) => ({ executor, agent: id })),
  );
  return Map.groupBy(all, ({ executor }) => executor.framework_id?.value ?? '');
}

export function resourcesOfExecutors(executors: Iterable<ExecutorInfo>): Resources {
  return [...executors].flatMap(({ resources }) => resources ?? []);
}

export function executorDocuments(framework: Framework, executors: ExecutorsByFramework): Document[] {
  return (executors.get(framework.id) ?? []).map(({ executor, agent }) => ({
    ...executorDocument(executor, framework.id, roleOfExecutor(executor, framework.info)),
    slave_id: agent,
  }));
}
