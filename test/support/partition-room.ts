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
import { FakeEngine } from './fake-engine.ts';
import { MasterRoom } from './master-room.ts';
import { TestScheduler } from './test-scheduler.ts';

const image = 'fake:1';

/** A master and an agent in this process, whose containers are faked, and between them a network that the test breaks. */
export class PartitionRoom {
  readonly room: MasterRoom;
  readonly network: BlackHole;
  readonly engine: FakeEngine;
  readonly agent: string;
  readonly #running: RunningAgent;
  readonly #t: TestContext;

  private constructor(
    t: TestContext,
    parts: { room: MasterRoom; network: BlackHole; engine: FakeEngine; agent: string; running: RunningAgent },
  ) {
    this.#t = t;
    this.room = parts.room;
    this.network = parts.network;
    this.engine = parts.engine;
    this.agent = parts.agent;
    this.#running = parts.running;
  }

  /** An agent is silent after 2 s. */
  static async open(t: TestContext, flags: string[] = []): Promise<PartitionRoom> {
    const pings = ['--agent_ping_timeout=100ms', '--max_agent_ping_timeouts=20', '--allocation_interval=50ms'];
    const room = await MasterRoom.open([...pings, ...flags]);
    t.after(() => room.close());
    const network = await BlackHole.open(room.master.address);
    const directory = await mkdtemp(join(tmpdir(), 'mesita-partition-'));
    const shutdown = new Shutdown(silentLog);
    t.after(async () => {
      await network.close();
      await shutdown.stop();
      await rm(directory, { recursive: true, force: true });
    });
    const own = ['--port=0', `--work_dir=${directory}`, '--resources=cpus:4;mem:2048;disk:100;ports:[]'];
    const link = [`--master=${network.address}`, '--registration_backoff_factor=10ms'];
    const engine = new FakeEngine({ images: [image] });
    const values = parseFlags(agentFlags, [...own, ...link], {});
    const running = await startAgent({ flags: values, log: silentLog, shutdown, engine });
    return new PartitionRoom(t, { room, network, engine, running, agent: await running.registered });
  }

  /** As the master knows it; undefined when it has given it up. */
  get known(): Agent | undefined {
    return this.room.master.state.agents.get(asAgentId(this.agent));
  }

  /** Tasks that the agent holds, those included whose end is not acknowledged. */
  get held(): number {
    return this.#running.state.tasks.size;
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
    for (const [name, { labels }] of this.engine.machine.containers)
      if (Object.values(labels).includes(task)) this.engine.exit(name, exitCode);
  }

  runs(task: string): boolean {
    return [...this.engine.machine.containers.values()].some(
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
