import type { AgentId } from '../../protocol/ids.ts';
import type { Task, TaskState } from '../../protocol/messages.ts';
import type { Document } from '../../protocol/v0-documents.ts';
import type { Framework, MasterState } from '../state.ts';
import { agentDocument } from './agents.ts';
import { executorsByFramework } from './executors.ts';
import { frameworkHead } from './frameworks.ts';

const counted = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_KILLED',
  'TASK_FAILED',
  'TASK_LOST',
  'TASK_ERROR',
  'TASK_UNREACHABLE',
] as const satisfies TaskState[];

/** `/state-summary`: agents and frameworks with how many tasks are in each state, without the tasks. */
export function stateSummaryDocument(state: MasterState): Document {
  const tasks = [...state.frameworks.values()].flatMap(tasksOf);
  const executors = executorsByFramework(state);
  const byAgent = Map.groupBy(tasks, (task) => task.agent_id.value);
  return {
    hostname: state.master.hostname,
    slaves: [...state.agents.values()].map((agent) => ({
      ...agentDocument(state, agent),
      ...counts(byAgent.get(agent.id) ?? []),
      framework_ids: distinct(byAgent.get(agent.id) ?? [], (task) => task.framework_id.value),
    })),
    frameworks: [...state.frameworks.values()].map((framework) => ({
      ...frameworkHead(state, framework, executors),
      ...counts(tasksOf(framework)),
      slave_ids: distinct(tasksOf(framework), (task) => task.agent_id.value).filter((id) =>
        state.agents.has(id as AgentId),
      ),
    })),
  };
}

function tasksOf({ tasks, unreachableTasks, completedTasks }: Framework): Task[] {
  return [...tasks.values(), ...unreachableTasks.values(), ...completedTasks];
}

function counts(tasks: readonly Task[]): Document {
  const total = new Map<string, number>();
  for (const { state } of tasks) total.set(state, (total.get(state) ?? 0) + 1);
  return Object.fromEntries(counted.map((state) => [state, total.get(state) ?? 0]));
}

function distinct(tasks: readonly Task[], of: (task: Task) => string): string[] {
  return [...new Set(tasks.map(of))];
}
