import assert from 'node:assert/strict';
import type { News } from '../../master/news.ts';
import type { MasterState } from '../../master/state.ts';
import type { Task, TaskState } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';

/** Somebody who followed the operator events from the beginning, and has never asked for the state. */
export class Onlooker {
  readonly #frameworks = new Set<string>();
  readonly #agents = new Set<string>();
  /** The latest state of each task that is not over. */
  readonly #tasks = new Map<string, TaskState>();

  hear(news: News): void {
    if (news.type === 'FRAMEWORK_ADDED') this.#frameworks.add(news.framework.id);
    if (news.type === 'FRAMEWORK_UPDATED') assert.ok(this.#frameworks.has(news.framework.id), 'an unknown framework');
    if (news.type === 'FRAMEWORK_REMOVED') this.#frameworks.delete(news.info.id?.value ?? '');
    if (news.type === 'AGENT_ADDED') this.#agents.add(news.agent.id);
    if (news.type === 'AGENT_REMOVED') this.#agents.delete(news.agent.id);
    if (news.type === 'TASK_ADDED') this.#set(news.task, news.task.state);
    if (news.type === 'TASK_UPDATED') {
      const { framework, status, state } = news;
      this.#set({ framework_id: { value: framework.id }, task_id: status.task_id }, state);
    }
  }

  /** Agents that are unreachable or gone are not announced, so that there may be more of them in an onlooker's mind. */
  assertKnows(state: MasterState): void {
    assert.deepEqual([...this.#frameworks].sort(), [...state.frameworks.keys()].sort());
    for (const id of state.agents.keys()) assert.ok(this.#agents.has(id), `nobody heard of agent ${id}`);
    const active = [...state.frameworks.values()].flatMap(({ tasks, unreachableTasks }) =>
      [...tasks.values(), ...unreachableTasks.values()].filter((task) => !isTerminal(task.state)).map(keyOf),
    );
    assert.deepEqual([...this.#tasks.keys()].sort(), active.sort());
  }

  #set(task: Pick<Task, 'framework_id' | 'task_id'>, state: TaskState): void {
    if (isTerminal(state)) this.#tasks.delete(keyOf(task));
    else this.#tasks.set(keyOf(task), state);
  }
}

function keyOf(task: Pick<Task, 'framework_id' | 'task_id'>): string {
  return `${task.framework_id.value}/${task.task_id.value}`;
}
