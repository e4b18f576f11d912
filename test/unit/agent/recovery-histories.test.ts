import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { restoreRuns } from '../../../agent/recovery/restore-runs.ts';
import { type AgentState, emptyState, type TaskRecord, taskKey } from '../../../agent/state.ts';
import { uuidToBase64 } from '../../../protocol/ids.ts';
import type { TaskInfo, TaskState, TaskStatus } from '../../../protocol/messages.ts';
import { isTerminal } from '../../../protocol/task-state.ts';
import { AgentRoom, dockerTask, framework } from '../../support/agent-room.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { podInfo, podTask } from '../../support/pod-messages.ts';
import { executorInfo, executorTask, RoomExecutor } from '../../support/room-executor.ts';
import { settle } from '../../support/virtual-clock.ts';

/** The process of a custom executor, which outlives the agent. */
class ExecutorProcess {
  readonly tasks = new Map<string, TaskInfo>();
  readonly unheard = new Map<string, TaskStatus>();
  link: RoomExecutor | undefined;
  readonly container: string;

  constructor(container: string) {
    this.container = container;
  }

  connect(room: AgentRoom): void {
    const record = [...room.state.executors.values()].find(({ containerName }) => containerName === this.container);
    if (record === undefined || this.link !== undefined) return;
    this.link = RoomExecutor.again(room, record, {
      unacknowledged_tasks: [...this.tasks.values()],
      unacknowledged_updates: [...this.unheard.values()].map((status) => ({ status })),
    });
  }

  tell(task: string, state: TaskState): void {
    const status: TaskStatus = {
      task_id: { value: task },
      state,
      source: 'SOURCE_EXECUTOR',
      uuid: uuidToBase64(crypto.randomUUID()),
    };
    this.unheard.set(status.uuid ?? '', status);
    if (isTerminal(state)) this.tasks.delete(task);
    if (this.link !== undefined && !this.link.ended) this.link.update(task, state, status);
  }

  /** Does what it was told; whether it is to end. */
  listen(): boolean {
    const events = this.link?.events.splice(0) ?? [];
    for (const { launch, launch_group, kill, acknowledged } of events) {
      for (const info of launch_group?.task_group.tasks ?? (launch === undefined ? [] : [launch.task]))
        this.tasks.set(info.task_id.value, info);
      if (acknowledged !== undefined) this.unheard.delete(acknowledged.uuid);
      if (kill !== undefined && this.tasks.has(kill.task_id.value)) this.tell(kill.task_id.value, 'TASK_KILLED');
    }
    if (this.link?.ended) this.link = undefined;
    return events.some(({ type }) => type === 'SHUTDOWN');
  }
}

/** An agent that is killed and started again, its machine, and a scheduler that hears and acknowledges. */
class History {
  room: AgentRoom;
  readonly disk: FakeDisk;
  readonly launched = new Set<string>();
  readonly heard: TaskStatus[] = [];
  readonly #acknowledged = new Set<string>();
  #answered = 0;
  readonly #executors = new Map<string, ExecutorProcess>();
  /** Starts of containers, by task. */
  readonly starts = new Map<string, number>();
  #calls = 0;

  private constructor(room: AgentRoom, disk: FakeDisk) {
    this.room = room;
    this.disk = disk;
  }

  static async begin(): Promise<History> {
    const disk = new FakeDisk();
    return new History(await AgentRoom.open({ disk }), disk);
  }

  run(kind: number): void {
    const id = `t${this.launched.size}`;
    const { performer } = this.room;
    if (kind < 2) {
      this.launched.add(id);
      this.room.run(dockerTask(id));
    } else if (kind < 4) {
      this.launched.add(id);
      this.room.run(executorTask(id, executorInfo(`e${kind}`)));
    } else {
      const tasks = [podTask(id), podTask(`${id}b`)];
      for (const { task_id } of tasks) this.launched.add(task_id.value);
      performer.receive({ type: 'RUN_TASK_GROUP', framework, executor: podInfo(`p${kind}`), tasks });
    }
  }

  kill(index: number): void {
    const id = [...this.launched][index % Math.max(1, this.launched.size)];
    if (id !== undefined) this.room.kill(id);
  }

  exit(index: number, code: number): void {
    const running = this.#running();
    const name = running[index % Math.max(1, running.length)];
    if (name !== undefined) this.room.engine.exit(name, code);
  }

  update(index: number, state: TaskState): void {
    const [executor] = [...this.#executors.values()].slice(index % 2);
    const id = [...(executor?.tasks.keys() ?? [])][0];
    if (executor !== undefined && id !== undefined && this.#running().includes(executor.container))
      executor.tell(id, state);
  }

  shutdown(index: number): void {
    this.room.performer.receive({ type: 'SHUTDOWN_EXECUTOR', framework_id: 'F', executor_id: `e${2 + (index % 2)}` });
  }

  drain(): void {
    const config = { max_grace_period: { nanoseconds: 1e9 } };
    this.room.performer.receive({ type: 'DRAIN', drain: { config, started_at: 1 } });
    this.room.performer.receive({ type: 'DRAIN' });
  }

  acknowledge(): void {
    // Also what was repeated: the agent may have been killed before it could write down that it was acknowledged.
    for (const status of this.heard.slice(this.#answered)) {
      this.#acknowledged.add(status.uuid ?? '');
      this.room.acknowledge(status);
    }
    this.#answered = this.heard.length;
  }

  async wait(milliseconds: number): Promise<void> {
    this.room.clock.advance(milliseconds);
    await settle();
    this.#world();
    await settle();
    this.#world();
  }

  /** The agent is killed in the middle of what it does. */
  async crash(meanwhile: number | undefined): Promise<void> {
    this.#world();
    for (const executor of this.#executors.values()) executor.link = undefined;
    await this.room.die();
    if (meanwhile !== undefined) this.exit(meanwhile, 3);
    this.#count();
    this.#calls = 0;
    this.room = await AgentRoom.reopen(this.room, { disk: this.disk });
    this.#reconcile();
    await this.wait(0);
  }

  /** The master asks for what it has sent and the agent does not name. */
  #reconcile(): void {
    const ended = this.heard.filter(({ state, uuid = '' }) => isTerminal(state) && this.#acknowledged.has(uuid));
    const over = new Set(ended.map(({ task_id }) => task_id.value));
    const tasks = [...this.launched]
      .filter((id) => !over.has(id) && !this.room.state.tasks.has(taskKey('F', id)))
      .map((task_id) => ({ framework_id: 'F', task_id, partition_aware: false }));
    this.room.performer.receive({ type: 'RECONCILE', tasks });
  }

  /** What the agent does and says has come to the others. */
  #world(): void {
    this.#count();
    for (const status of this.room.statuses()) this.heard.push(status);
    for (const { containerName, info, phase } of this.room.state.executors.values())
      if (info.type !== 'DEFAULT' && phase === 'running' && !this.#executors.has(containerName))
        this.#executors.set(containerName, new ExecutorProcess(containerName));
    const running = this.#running();
    for (const executor of this.#executors.values()) {
      if (!running.includes(executor.container)) continue;
      executor.connect(this.room);
      if (executor.listen()) this.room.engine.exit(executor.container, 0);
    }
  }

  #running(): string[] {
    return [...this.room.engine.machine.containers].flatMap(([name, { state }]) => (state === 'running' ? [name] : []));
  }

  #count(): void {
    const { calls, machine } = this.room.engine;
    for (const call of calls.slice(this.#calls)) {
      const [verb, name = ''] = call.split(' ');
      const task = machine.containers.get(name)?.labels['org.mesita.task'];
      if (verb === 'start' && task !== undefined) this.starts.set(task, (this.starts.get(task) ?? 0) + 1);
    }
    this.#calls = calls.length;
  }

  /** What was written down is what is. */
  async assertWritten(): Promise<void> {
    await settle();
    const { settings, total } = this.room.state;
    const restored = emptyState(settings, total);
    const { problems } = restoreRuns(restored, this.disk.runs);
    assert.deepEqual(problems, []);
    assert.deepEqual(essence(restored), essence(this.room.state));
  }

  /** Everything comes to its end. */
  async finish(): Promise<void> {
    for (let round = 0; round < 100; round++) {
      const { tasks, executors } = this.room.state;
      if (tasks.size + executors.size + this.room.engine.machine.containers.size === 0) break;
      for (const { info } of executors.values())
        this.room.performer.receive({
          type: 'SHUTDOWN_EXECUTOR',
          framework_id: 'F',
          executor_id: info.executor_id.value,
        });
      for (const { info } of tasks.values()) this.room.kill(info.task_id.value);
      await this.wait(round % 10 === 9 ? 61_000 : 1_000);
      this.acknowledge();
    }
    await this.room.gate.idle();
  }

  assertWell(): void {
    const { tasks, executors } = this.room.state;
    assert.deepEqual([[...tasks.keys()], [...executors.keys()]], [[], []]);
    assert.deepEqual([...this.room.engine.machine.containers.keys()], []);
    assert.deepEqual([this.disk.table('made').size, this.disk.table('now').size], [0, 0]);
    for (const id of this.launched) {
      const of = this.heard.filter(({ task_id, state }) => task_id.value === id && isTerminal(state));
      assert.equal(new Set(of.map(({ uuid }) => uuid)).size, 1, `${id}: ${of.map(({ state }) => state).join(', ')}`);
      assert.ok((this.starts.get(id) ?? 0) <= 1, `${id} was started ${this.starts.get(id)} times`);
    }
  }
}

/** Of a state all that must survive, without the records' links to one another. */
function essence(state: AgentState) {
  const task = (record: TaskRecord) => {
    const { executor, group, queue, received: _, framework: of, ...own } = record;
    return {
      ...own,
      framework: of.id?.value,
      executor: executor?.containerId,
      group: group?.map(({ key }) => key),
      queue: queue.map(({ status }) => status),
    };
  };
  const keys = (records: Iterable<TaskRecord>) => [...records].map(({ key }) => key);
  return {
    tasks: [...state.tasks.values()].map(task).sort((one, other) => (one.key < other.key ? -1 : 1)),
    executors: [...state.executors.values()].map(
      ({ framework: of, queued, launched, completed, connected: _, returning: __, memoryGranted: ___, ...own }) => ({
        ...own,
        framework: of.id?.value,
        queued: queued.map(({ tasks, grouped }) => ({ tasks: keys(tasks), grouped })),
        launched: keys(launched).sort(),
        completed: keys(completed).sort(),
      }),
    ),
  };
}

const small = fc.nat({ max: 7 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('run' as const), fc.nat({ max: 5 })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('wait' as const), fc.constantFrom(0, 0, 100, 2_000)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('exit' as const), small) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('running' as const), small) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('finished' as const), small) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('kill' as const), small) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('acknowledge' as const), small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('shutdown' as const), small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('drain' as const), small) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('crash' as const), small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('crash and exit' as const), small) },
);

async function take(history: History, [what, number]: typeof step extends fc.Arbitrary<infer T> ? T : never) {
  if (what === 'run') history.run(number);
  else if (what === 'wait') await history.wait(number);
  else if (what === 'exit') history.exit(number, number);
  else if (what === 'running') history.update(number, 'TASK_RUNNING');
  else if (what === 'finished') history.update(number, 'TASK_FINISHED');
  else if (what === 'kill') history.kill(number);
  else if (what === 'acknowledge') history.acknowledge();
  else if (what === 'shutdown') history.shutdown(number);
  else if (what === 'drain') history.drain();
  else await history.crash(what === 'crash' ? undefined : number);
}

test('whatever happens, what is written down is what is', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.boolean(), async (steps, isTornDown) => {
      const history = await History.begin();
      try {
        for (const one of steps) {
          await take(history, one);
          await history.assertWritten();
        }
        if (isTornDown) history.room.performer.receive({ type: 'SHUTDOWN_FRAMEWORK', framework_id: 'F' });
        await history.assertWritten();
      } finally {
        await history.room.close();
      }
    }),
    { numRuns: 80, includeErrorInReport: true },
  );
});

test('however often the agent is killed, each task ends once, and none runs twice', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const history = await History.begin();
      try {
        for (const one of steps) await take(history, one);
        await history.finish();
        history.assertWell();
      } finally {
        await history.room.close();
      }
    }),
    { numRuns: 80, includeErrorInReport: true },
  );
});
