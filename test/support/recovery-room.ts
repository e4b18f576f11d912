import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FrameworkInfo, TaskStatus } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { eventually } from './eventually.ts';
import { MasterRoom } from './master-room.ts';
import { MesitaProcess } from './mesita-process.ts';
import { TestScheduler } from './test-scheduler.ts';

/** A master in this process, and an agent of host processes in one of its own, which is killed and started again. */
export class RecoveryRoom {
  readonly master: MasterRoom;
  /** Where tasks may leave marks. */
  readonly marks: string;
  readonly workDirectory: string;
  readonly #flags: string[];
  #agent: MesitaProcess | undefined;

  private constructor(master: MasterRoom, marks: string, flags: string[]) {
    this.master = master;
    this.marks = marks;
    this.workDirectory = join(master.directory, 'agent');
    this.#flags = flags;
  }

  static async open(t: TestContext, flags: string[] = [], masterFlags: string[] = []): Promise<RecoveryRoom> {
    const master = await MasterRoom.open(masterFlags);
    const marks = join(master.directory, 'marks');
    await mkdir(marks);
    const room = new RecoveryRoom(master, marks, flags);
    t.after(async () => {
      await room.end();
      await master.close();
    });
    return room;
  }

  get agent(): MesitaProcess {
    assert.ok(this.#agent, 'there is no agent');
    return this.#agent;
  }

  /** Resolves with its id when the master knows it. */
  async start(flags: string[] = []): Promise<string> {
    const found = await this.spawn(flags).says(/"id":"([^"]+)".*"msg":"registered with the master"/);
    return found[1] ?? '';
  }

  /** The same without waiting for it. */
  spawn(flags: string[] = []): MesitaProcess {
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const own = [
      '--port=0',
      `--work_dir=${this.workDirectory}`,
      '--resources=cpus:8;mem:4096;disk:1000;ports:[];gpus:0',
    ];
    const link = [`--master=${this.master.master.address}`, '--registration_backoff_factor=20ms', '--log_format=json'];
    const all = ['agent', ...own, ...link, '--containerizers=process', ...this.#flags, ...flags];
    this.#agent = new MesitaProcess(all, environment);
    return this.#agent;
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    await this.agent.end('SIGKILL');
  }

  async schedule(t: TestContext, framework: Partial<FrameworkInfo> = {}): Promise<TestScheduler> {
    const scheduler = await TestScheduler.start(this.master.master.address, framework);
    t.after(() => scheduler.close());
    return scheduler;
  }

  /** A script that runs until that file is among the marks; it says so in another when it begins. */
  until(name: string, then = 'exit 0'): string {
    return `echo $$ >> ${this.marks}/${name}.began; until [ -e ${this.marks}/${name} ]; do sleep 0.05; done; ${then}`;
  }

  /** Ends the agent with its tasks. */
  async end(): Promise<void> {
    if (this.#agent === undefined) return;
    if (this.#agent.over) await this.start();
    await this.#agent.end('SIGUSR1');
    this.#agent = undefined;
  }
}

export async function outcome(scheduler: TestScheduler, task: string): Promise<TaskStatus> {
  return eventually(`${task} is over`, () => terminals(scheduler, task)[0]);
}

/** By uuid, each once. */
export function terminals(scheduler: TestScheduler, task: string): TaskStatus[] {
  const all = scheduler.updates.filter(({ task_id, state }) => task_id.value === task && isTerminal(state));
  return [...new Map(all.map((status) => [status.uuid, status])).values()];
}
