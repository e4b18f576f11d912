import assert from 'node:assert/strict';
import { type ForeignCommand, ForeignProcess, type Told } from './foreign-process.ts';

/** As the client's library decoded it: the master's own JSON in some of them. */
export interface ForeignStatus {
  task_id: { value: string };
  agent_id?: { value: string };
  state: string;
  source?: string;
  reason?: string;
  message?: string;
  uuid?: string;
  container_status?: { container_id?: { value: string } };
}

export interface Draft {
  name: string;
  /** For a shell. */
  command: string;
  /** Of a Docker container; the agent's default one if there is none. */
  image?: string;
  /** How many ports it wants; none if left out. */
  ports?: number;
}

/** A task as the client knows it: clients choose ids of their own. */
export interface LaunchedTask {
  name: string;
  task: string;
  agent: string;
}

interface Update extends Told {
  status: ForeignStatus;
}

interface Subscribed extends Told {
  framework: string;
}

interface Accepted extends Told {
  tasks: LaunchedTask[];
}

/** A scheduler on somebody else's library, in a process of its own. */
export class ForeignScheduler extends ForeignProcess {
  framework = '';

  /** Resolves when it is subscribed. */
  static async start(command: ForeignCommand): Promise<ForeignScheduler> {
    const scheduler = new ForeignScheduler(command);
    try {
      scheduler.framework = (await scheduler.tells<Subscribed>('subscribed')).framework;
    } catch (error) {
      await scheduler.kill();
      throw error;
    }
    return scheduler;
  }

  /** Resolves when they are accepted, with their ids in the order of the drafts. */
  async launch(...drafts: Draft[]): Promise<LaunchedTask[]> {
    this.command({ do: 'launch', tasks: drafts.map((draft) => ({ ports: 0, ...draft, cpus: 0.1, mem: 32 })) });
    return Promise.all(drafts.map(({ name }) => this.#accepted(name)));
  }

  async #accepted(name: string): Promise<LaunchedTask> {
    const has = ({ tasks }: Accepted) => tasks.some((task) => task.name === name);
    const { tasks } = await this.tells<Accepted>('accepted', has);
    const found = tasks.find((task) => task.name === name);
    assert.ok(found);
    return found;
  }

  /** How many tasks each of its ACCEPT calls launched. */
  get launches(): number[] {
    return this.all<Accepted>('accepted').map(({ tasks }) => tasks.length);
  }

  /** The first status of the task in that state, of those that it has told or will tell after the first `skip`. */
  async status(task: string, state: string, skip = 0): Promise<ForeignStatus> {
    const earlier = new Set(this.all<Update>('update').slice(0, skip));
    const fits = (told: Update) =>
      !earlier.has(told) && told.status.task_id.value === task && told.status.state === state;
    return (await this.tells<Update>('update', fits)).status;
  }

  /** Of the updates that the agent made, not of the master's answers; in the order in which they came. */
  statesOf(task: string): string[] {
    const statuses = this.all<Update>('update').map(({ status }) => status);
    return statuses
      .filter(({ task_id, uuid }) => task_id.value === task && uuid !== undefined)
      .map(({ state }) => state);
  }

  get updates(): number {
    return this.all('update').length;
  }

  get offers(): number {
    return this.all('offers').length;
  }

  /** What went wrong in its eyes. */
  get errors(): string[] {
    return this.all<Told & { message: string }>('error').map(({ message }) => message);
  }

  /** Asks about these tasks, or about all; resolves with the master's answers on `expected`. */
  async reconcile(asked: readonly LaunchedTask[], expected: readonly (readonly [task: string, state: string])[]) {
    const before = this.updates;
    this.command({ do: 'reconcile', tasks: asked.map(({ task, agent }) => ({ task, agent })) });
    const answers = [];
    for (const [task, state] of expected) answers.push(await this.status(task, state, before));
    return answers;
  }
}
