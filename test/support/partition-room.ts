import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { agentFlags } from '../../agent/flags.ts';
import { type RunningAgent, startAgent } from '../../agent/main.ts';
import type { Agent } from '../../master/state.ts';
import { asAgentId } from '../../protocol/ids.ts';
import type { FrameworkInfo, FrameworkInfoCapabilityType, TaskStatus } from '../../protocol/messages.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { BlackHole } from './black-hole.ts';
import { eventually } from './eventually.ts';
import { FakeEngine, FakeMachine } from './fake-engine.ts';
import { MasterRoom } from './master-room.ts';
import { TestScheduler } from './test-scheduler.ts';

const image = 'fake:1';

/** A master and an agent in this process, whose containers are faked, and between them a network that the test breaks. */
export class PartitionRoom {
  readonly room: MasterRoom;
  readonly network: BlackHole;
  readonly #machine = new FakeMachine();
  readonly #directory: string;
  readonly #t: TestContext;
  #engine = new FakeEngine({ machine: this.#machine });
  #running: { agent: RunningAgent; shutdown: Shutdown; leaves: { tasks: boolean } } | undefined;
  #id = '';

  private constructor(t: TestContext, parts: { room: MasterRoom; network: BlackHole; directory: string }) {
    this.#t = t;
    this.room = parts.room;
    this.network = parts.network;
    this.#directory = parts.directory;
  }

  /** An agent is silent after 2 s. */
  static async open(t: TestContext, flags: string[] = []): Promise<PartitionRoom> {
    const pings = ['--agent_ping_timeout=100ms', '--max_agent_ping_timeouts=20', '--allocation_interval=50ms'];
    const room = await MasterRoom.open([...pings, ...flags]);
    t.after(() => room.close());
    const network = await BlackHole.open(room.master.address);
    const directory = await mkdtemp(join(tmpdir(), 'mesita-partition-'));
    const partition = new PartitionRoom(t, { room, network, directory });
    t.after(async () => {
      await network.close();
      await partition.#running?.shutdown.stop();
      await rm(directory, { recursive: true, force: true });
    });
    await partition.startAgent();
    return partition;
  }

  /** On what an earlier one has left. Resolves when it is registered. */
  async startAgent(): Promise<void> {
    const { registered } = await this.dialAgent();
    this.#id = await registered;
  }

  /** The same, when it dials. */
  async dialAgent(): Promise<RunningAgent> {
    const shutdown = new Shutdown(silentLog);
    const own = ['--port=0', `--work_dir=${this.#directory}`, '--resources=cpus:4;mem:2048;disk:100;ports:[]'];
    const link = [`--master=${this.network.address}`, '--registration_backoff_factor=10ms'];
    const flags = parseFlags(agentFlags, [...own, ...link], {});
    this.#engine = new FakeEngine({ images: [image], machine: this.#machine });
    const leaves = { tasks: false };
    const options = { flags, log: silentLog, shutdown, engine: this.#engine, leavesTasks: () => leaves.tasks };
    const agent = await startAgent(options);
    this.#running = { agent, shutdown, leaves };
    return agent;
  }

  /** The agent ends, its tasks go on. */
  async stopAgent(): Promise<void> {
    if (this.#running !== undefined) this.#running.leaves.tasks = true;
    await this.#running?.shutdown.stop();
    this.#running = undefined;
  }

  get agent(): string {
    return this.#id;
  }

  /** The sandbox of a task. */
  sandboxOf(scheduler: TestScheduler, task: string): string {
    const run = ['frameworks', scheduler.id, 'executors', task, 'runs', 'latest'];
    return join(this.#directory, 'slaves', this.#id, ...run);
  }

  /** Whether the agent stopped by itself. */
  get over(): boolean {
    return this.#running?.shutdown.signal.aborted === true;
  }

  /** An operator's call. */
  async operate(type: string, content: object = {}): Promise<number> {
    const body = JSON.stringify({ type, [type.toLowerCase()]: { agent_id: { value: this.#id }, ...content } });
    const headers = { 'content-type': 'application/json' };
    return (await this.room.request('POST', '/api/v1', { headers, body })).status;
  }

  /** As the master knows it; undefined when it has given it up. */
  get known(): Agent | undefined {
    return this.room.master.state.agents.get(asAgentId(this.agent));
  }

  /** Tasks that the agent holds, those included whose end is not acknowledged. */
  get held(): number {
    return this.#running?.agent.state.tasks.size ?? 0;
  }

  /** How often it has subscribed. */
  get attempts(): number {
    return this.known?.attempt?.number ?? 0;
  }

  async scheduler(...capabilities: FrameworkInfoCapabilityType[]): Promise<TestScheduler> {
    const info: Partial<FrameworkInfo> = { capabilities: capabilities.map((type) => ({ type })) };
    const scheduler = await TestScheduler.start(this.room.master.address, info);
    this.#t.after(() => scheduler.close());
    return scheduler;
  }

  /** Launches a task and waits until it runs and that is acknowledged. */
  async run(scheduler: TestScheduler, name: string): Promise<void> {
    await this.launch(scheduler, name);
    await scheduler.update(name, 'TASK_RUNNING');
    const { state } = this.room.master;
    await eventually(`${name} is known to run`, () =>
      [...state.frameworks.values()].some(({ tasks }) =>
        [...tasks.values()].some(({ task_id, state: at }) => task_id.value === name && at === 'TASK_RUNNING'),
      ),
    );
  }

  launch(scheduler: TestScheduler, name: string): Promise<void> {
    return scheduler.launch({ name, container: { type: 'DOCKER', docker: { image } }, command: { value: 'sleep' } });
  }

  /** The container of a task ends. */
  finish(task: string, exitCode = 0): void {
    for (const [name, { labels }] of this.#machine.containers)
      if (Object.values(labels).includes(task)) this.#engine.exit(name, exitCode);
  }

  runs(task: string): boolean {
    return [...this.#machine.containers.values()].some(
      ({ labels, state }) => state === 'running' && Object.values(labels).includes(task),
    );
  }

  /** Waits for so many looks of the master at its agents. */
  isUnreachable(): Promise<true> {
    return eventually('the agent is unreachable', () =>
      this.room.master.state.unreachableAgents.has(asAgentId(this.agent)),
    );
  }

  isBack(): Promise<true> {
    return eventually('the agent is back', () => this.known?.connected === true);
  }
}

/** States and reasons that a task has had, in order. */
export function storyOf(scheduler: TestScheduler, task: string): string[] {
  const line = ({ state, reason }: TaskStatus) => (reason === undefined ? state : `${state} ${reason}`);
  return scheduler.updates.filter(({ task_id }) => task_id.value === task).map(line);
}
