import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpointed } from '../../agent/checkpoint.ts';
import { ContainerEnds } from '../../agent/container-ends.ts';
import { ContainerLauncher, type LauncherOptions } from '../../agent/container-launcher.ts';
import { ContainerLogs } from '../../agent/container-logs.ts';
import { ContainerRunner } from '../../agent/nested/container-runner.ts';
import { Performer, type Storage } from '../../agent/performer.ts';
import { restoreRuns } from '../../agent/recovery/restore-runs.ts';
import { RunMemory } from '../../agent/recovery/run-memory.ts';
import { WriteGate } from '../../agent/recovery/write-gate.ts';
import { noRegistries } from '../../agent/registry-credentials.ts';
import { SandboxGc } from '../../agent/sandbox-gc.ts';
import { SandboxPaths } from '../../agent/sandbox-paths.ts';
import {
  type AgentState,
  type ExecutorRecord,
  emptyState,
  executorKey,
  type TaskRecord,
  taskKey,
} from '../../agent/state.ts';
import type { AgentMessage } from '../../protocol/agent-link.ts';
import type { FrameworkInfo, TaskInfo, TaskStatus } from '../../protocol/messages.ts';
import type { Change } from '../../runtime/database.ts';
import type { Fetcher } from '../../runtime/fetcher/fetcher.ts';
import { silentLog } from '../../runtime/log.ts';
import { Timer } from '../../runtime/timer.ts';
import type { FakeDisk } from './fake-disk.ts';
import { FakeEngine, type FakeEngineOptions } from './fake-engine.ts';
import { frameworkInfo, resourcesOf } from './master-messages.ts';
import { settle, until, VirtualClock } from './virtual-clock.ts';

export const image = 'fake:1';
export const framework: FrameworkInfo = frameworkInfo({ id: 'F' });

export function dockerTask(id: string, change: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: 'S' },
    command: { value: 'true' },
    container: { type: 'DOCKER', docker: { image } },
    resources: resourcesOf('cpus:1;mem:64'),
    ...change,
  };
}

export interface RoomOptions extends FakeEngineOptions {
  /** What it writes down, and begins with. */
  disk?: FakeDisk;
}

/** An agent without HTTP and without a master: its performer on a faked engine, in virtual time, and what it tells the master. */
export class AgentRoom {
  readonly clock = new VirtualClock();
  readonly state: AgentState = emptyState({
    killGrace: 5,
    executorShutdownGrace: 5,
    executorRegistrationTimeout: 60,
    executorReregistrationTimeout: 2,
  });
  readonly engine: FakeEngine;
  readonly performer: Performer;
  readonly runner: () => ContainerRunner;
  readonly ends = new ContainerEnds();
  readonly sandboxes: SandboxGc;
  readonly directory: string;
  /** What the fetcher does; by default nothing. */
  fetch: Fetcher['fetch'] = async () => undefined as never;
  /** Part of the disk in use. */
  diskUsage = 0;
  sent: AgentMessage[] = [];
  /** What operations left behind, newest last: `make p1`, `remove p1`, or what was written. */
  readonly marks: (string | Checkpointed)[] = [];
  /** Throws while the disk is full. */
  onMark: () => void = () => undefined;
  readonly storage: Storage = {
    makeVolume: async (volume) => this.#mark(`make ${volume.disk?.persistence?.id}`),
    removeVolume: async (volume) => this.#mark(`remove ${volume.disk?.persistence?.id}`),
    write: async (content) => this.#mark(content),
  };
  readonly gate: WriteGate;
  readonly #stop: () => void;

  private constructor(directory: string, { disk, ...options }: RoomOptions) {
    this.directory = directory;
    const write = async (changes: readonly Change[]) => disk?.write(changes);
    this.gate = new WriteGate({ write, clock: this.clock, log: silentLog });
    this.engine = new FakeEngine({ images: [image, 'default:1'], ...options });
    const { engine, clock } = this;
    const settings = {
      defaultImage: 'default:1',
      enforceCpuQuota: true,
      pidsLimit: 100,
      agentId: 'S',
      workDirectory: directory,
      agentEndpoint: '10.0.0.1:5051',
      executorShutdownGrace: 5,
    };
    const fetcher = {
      fetch: (...parameters: Parameters<Fetcher['fetch']>) => this.fetch(...parameters),
      close: async () => undefined,
    } as Fetcher;
    this.sandboxes = new SandboxGc({
      workDirectory: directory,
      policy: { delay: 3600, headroom: 0.1 },
      interval: 60,
      clock,
      log: silentLog,
      diskUsage: async () => this.diskUsage,
    });
    const metrics = {
      imagePull: new Timer(),
      sandboxes: this.sandboxes,
      fetchesSucceeded: 0,
      fetchesFailed: 0,
      fetcherCache: { totalBytes: 2 ** 31, usedBytes: 0 },
    };
    const logs = new ContainerLogs({ engine, clock, log: silentLog, limits: { maxSize: 0, files: 1 } });
    const launcher = (own: Pick<LauncherOptions, 'observer' | 'output' | 'change'>) =>
      new ContainerLauncher({
        engine,
        fetcher,
        settings,
        registries: noRegistries,
        concurrency: 2,
        sandboxes: this.sandboxes,
        images: { use: () => undefined, pulled: async () => undefined },
        log: silentLog,
        metrics,
        ...own,
      });
    const images = { release: () => undefined };
    const { ends, sandboxes } = this;
    this.runner = () => new ContainerRunner({ engine, ends, logs, launcher, sandboxes, images, log: silentLog });
    this.performer = new Performer({
      state: this.state,
      engine,
      ends: this.ends,
      logs,
      launcher: (observer) => launcher({ observer, output: logs }),
      settings,
      agent: () => ({ hostname: 'localhost', id: { value: 'S' } }),
      clock,
      ids: { uuid: randomUUID },
      storage: this.storage,
      memory: this.#memory(disk),
      gate: this.gate,
      images: { release: () => undefined },
      sandboxes: this.sandboxes,
      log: silentLog,
      address: '10.0.0.1',
    });
    this.#stop = this.performer.start();
  }

  static async open(options: RoomOptions = {}): Promise<AgentRoom> {
    const room = new AgentRoom(await mkdtemp(join(tmpdir(), 'mesita-agent-room-')), options);
    await room.engine.connect(new AbortController().signal);
    room.register();
    return room;
  }

  /** An agent that is started anew after another's `die`, with its disk and its machine. */
  static async reopen(earlier: AgentRoom, options: RoomOptions, rebooted = false): Promise<AgentRoom> {
    const room = new AgentRoom(earlier.directory, { ...options, machine: earlier.engine.machine });
    room.clock.advance(earlier.clock.now() - room.clock.now());
    await room.engine.connect(new AbortController().signal);
    await room.performer.recover(rebooted);
    room.register();
    return room;
  }

  /** The agent is killed: nothing of it happens any more, and its containers go on. */
  async die(): Promise<void> {
    this.gate.stop();
    this.#stop();
    await this.engine.close();
    await settle();
    this.sent.length = 0;
  }

  /** Without a disk nothing is kept, and nothing waits. */
  #memory(disk: FakeDisk | undefined): Pick<RunMemory, 'changes' | 'family'> {
    if (disk === undefined) return { changes: () => [], family: (executor) => [executor] };
    return new RunMemory(this.state, restoreRuns(this.state, disk.runs).written);
  }

  #mark(mark: string | Checkpointed): void {
    this.onMark();
    this.marks.push(mark);
  }

  /** The link to the master is there (again). */
  register(): void {
    this.performer.registered('S', new SandboxPaths(this.directory, 'S'), (message) => this.sent.push(message));
  }

  run(task: TaskInfo, of: FrameworkInfo = framework): void {
    this.performer.receive({ type: 'RUN_TASK', framework: of, task });
  }

  kill(id: string, graceSeconds?: number): void {
    const policy =
      graceSeconds === undefined ? {} : { kill_policy: { grace_period: { nanoseconds: graceSeconds * 1e9 } } };
    this.performer.receive({ type: 'KILL_TASK', framework_id: 'F', task_id: id, ...policy });
  }

  task(id: string): TaskRecord {
    const found = this.state.tasks.get(taskKey('F', id));
    if (found === undefined) throw new Error(`the agent has no task ${id}`);
    return found;
  }

  executor(id: string): ExecutorRecord {
    const found = this.state.executors.get(executorKey('F', id));
    if (found === undefined) throw new Error(`the agent has no executor ${id}`);
    return found;
  }

  /** Status updates sent since the last look. */
  statuses(): TaskStatus[] {
    return this.sent.splice(0).flatMap((message) => (message.type === 'UPDATE' ? [message.status] : []));
  }

  acknowledge({ task_id, uuid = '' }: TaskStatus): void {
    this.performer.receive({ type: 'ACKNOWLEDGE', framework_id: 'F', task_id: task_id.value, uuid });
  }

  /** Acknowledges updates as they come until a task has ended; all of its statuses. */
  async history(id: string): Promise<TaskStatus[]> {
    const seen: TaskStatus[] = [];
    await until(`${id} is over`, () => {
      for (const status of this.statuses()) {
        if (status.task_id.value === id) seen.push(status);
        this.acknowledge(status);
      }
      this.clock.advance(100);
      return !this.state.tasks.has(taskKey('F', id));
    });
    return seen;
  }

  /** Waits until the container of a task runs. */
  async running(id: string): Promise<string> {
    await until(`${id} runs`, () => this.task(id).phase === 'running');
    return this.task(id).containerName;
  }

  async close(): Promise<void> {
    this.#stop();
    await this.engine.close();
    await settle();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** `TASK_FAILED REASON_…` */
export function outcomes(statuses: readonly TaskStatus[]): string[] {
  return statuses.map(({ state, reason }) => (reason === undefined ? state : `${state} ${reason}`));
}
