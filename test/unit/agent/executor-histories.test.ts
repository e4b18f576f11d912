import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { containerRemoved } from '../../../agent/commands/container-events.ts';
import {
  executorExited,
  executorFailed,
  executorStarted,
  registrationTimedOut,
} from '../../../agent/commands/executor-container.ts';
import { executorDisconnected, subscribeExecutor } from '../../../agent/commands/executor-subscribe.ts';
import { updateFromExecutor } from '../../../agent/commands/executor-update.ts';
import { killTask } from '../../../agent/commands/kill-task.ts';
import { acknowledge, shutdownFramework } from '../../../agent/commands/master-messages.ts';
import { runTask, runTaskGroup } from '../../../agent/commands/run-task.ts';
import { graceExpired, shutdownNamedExecutor } from '../../../agent/commands/shutdown-executor.ts';
import type { Effect } from '../../../agent/effects.ts';
import { SandboxPaths } from '../../../agent/sandbox-paths.ts';
import { type ExecutorRecord, emptyState, taskKey } from '../../../agent/state.ts';
import { uuidToBase64 } from '../../../protocol/ids.ts';
import type { ExecutorEvent, TaskState, TaskStatus } from '../../../protocol/messages.ts';
import { isTerminal } from '../../../protocol/task-state.ts';
import { framework } from '../../support/agent-room.ts';
import { executorInfo, executorTask } from '../../support/room-executor.ts';

/**
 * One framework with two executors on an agent, in whatever order things may happen: its commands alone, with a world around them that
 * carries their effects out, or is late to.
 */
class History {
  readonly state = emptyState({
    killGrace: 5,
    executorShutdownGrace: 5,
    executorRegistrationTimeout: 60,
    executorReregistrationTimeout: 2,
  });
  readonly #paths = new SandboxPaths('/work', 'S');
  /** What the engine has not done yet, oldest first. */
  readonly #engine: (() => Effect[])[] = [];
  readonly #records = new Set<ExecutorRecord>();
  /** Told to an executor that listens. */
  readonly #told = new Map<ExecutorRecord, string[]>();
  readonly updates: TaskStatus[] = [];
  readonly launched: string[] = [];
  readonly ran: string[] = [];
  #uuids = 0;
  tornDown = false;

  readonly #context = {
    now: 1_000_000,
    ids: { uuid: () => `00000000-0000-4000-8000-${String(this.#uuids++).padStart(12, '0')}` },
  };

  run(executor: string, grouped: boolean): void {
    if (this.tornDown) return;
    const info = executorInfo(executor);
    const name = () => {
      const id = `t${this.ran.length}`;
      this.ran.push(id);
      return executorTask(id, info);
    };
    const given = { framework, address: '10.0.0.1' };
    const state = this.state;
    if (grouped)
      this.#perform(
        runTaskGroup(state, this.#paths, { ...given, executor: info, tasks: [name(), name()] }, this.#context),
      );
    else this.#perform(runTask(state, this.#paths, { ...given, task: name() }, this.#context));
  }

  /** The engine does what it was asked for first. */
  progress(): void {
    this.#perform(this.#engine.shift()?.() ?? []);
  }

  subscribe(index: number): void {
    const record = this.#pick(index);
    if (record === undefined || record.phase !== 'running') return;
    this.#told.set(record, this.#told.get(record) ?? []);
    const unacknowledged_tasks = [...record.launched].map(({ info }) => info);
    this.#perform(
      subscribeExecutor(
        this.state,
        { hostname: 'h', id: { value: 'S' } },
        record,
        { unacknowledged_tasks },
        this.#context,
      ),
    );
  }

  leave(index: number): void {
    const record = this.#pick(index);
    if (record?.connected) this.#perform(executorDisconnected(record));
  }

  /** An executor tells something of a task that it knows. */
  update(index: number, state: TaskState): void {
    const record = this.#pick(index);
    const task = (record && this.#told.get(record))?.at(index % 3);
    if (record === undefined || task === undefined || !record.connected) return;
    const uuid = uuidToBase64(this.#context.ids.uuid());
    const status: TaskStatus = { task_id: { value: task }, state, uuid, source: 'SOURCE_EXECUTOR' };
    this.#perform(updateFromExecutor(this.state, 'S', record, status, this.#context));
  }

  kill(index: number): void {
    const task = this.state.tasks.get(taskKey('F', `t${index}`));
    if (task !== undefined) this.#perform(killTask(this.state, task, undefined, this.#context));
  }

  shutdown(executor: string): void {
    this.#perform(shutdownNamedExecutor(this.state, { framework_id: 'F', executor_id: executor }, this.#context));
  }

  timeOut(index: number): void {
    const record = this.#pick(index);
    if (record !== undefined) this.#perform(registrationTimedOut(this.state, record));
  }

  /** The process of an executor ends by itself. */
  exit(index: number, exitCode: number): void {
    const record = this.#pick(index);
    if (record?.phase === 'running') this.#perform(this.#exited(record, exitCode));
  }

  tearDown(): void {
    this.tornDown = true;
    this.#perform(shutdownFramework(this.state, 'F', this.#context));
  }

  acknowledge(): void {
    for (const task of [...this.state.tasks.values()]) {
      const uuid = task.queue[0]?.status.uuid;
      const task_id = task.info.task_id.value;
      if (uuid !== undefined)
        this.#perform(acknowledge(this.state, { framework_id: 'F', task_id, uuid }, this.#context.now));
    }
  }

  /** Everything that is under way comes to its end. */
  finish(): void {
    for (const record of this.#records)
      this.#perform(
        shutdownNamedExecutor(
          this.state,
          { framework_id: 'F', executor_id: record.info.executor_id.value },
          this.#context,
        ),
      );
    for (let round = 0; round < 1_000 && !this.#isOver(); round++) {
      this.progress();
      this.acknowledge();
      for (const record of this.#records) if (record.stage === 'terminating') this.#perform(graceExpired(record));
    }
  }

  #isOver(): boolean {
    return this.#engine.length === 0 && this.state.tasks.size === 0 && this.state.executors.size === 0;
  }

  #pick(index: number): ExecutorRecord | undefined {
    const all = [...this.#records];
    return all[index % Math.max(1, all.length)];
  }

  #exited(record: ExecutorRecord, exitCode: number): Effect[] {
    if (record.phase !== 'running') return [];
    return executorExited(this.state, record, { exitCode, outOfMemory: false }, this.#context);
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#effect(effect);
  }

  #effect(effect: Effect): void {
    if (effect.kind === 'sendToMaster' && effect.message.type === 'UPDATE') this.updates.push(effect.message.status);
    if (effect.kind === 'sendToExecutor') this.#hear(effect.executor, effect.event);
    if (effect.kind === 'removeContainer') this.#engine.push(() => containerRemoved(this.state, effect.run));
    if (effect.kind === 'hangUpOnExecutor') effect.executor.connected = false;
    if (!('run' in effect) || effect.run.kind !== 'executor') return;
    const { run } = effect;
    if (effect.kind === 'launch') {
      this.#records.add(run);
      this.#engine.push(() => (run.phase === 'preparing' ? executorStarted(this.state, run, [], this.#context) : []));
    }
    const failure = { message: 'given up' };
    if (effect.kind === 'abortLaunch')
      this.#engine.unshift(() =>
        run.phase === 'preparing' ? executorFailed(this.state, run, failure, this.#context) : [],
      );
    if (effect.kind === 'stopContainer') this.#engine.push(() => this.#exited(run, 137));
  }

  #hear(executor: ExecutorRecord, { launch, launch_group }: ExecutorEvent): void {
    if (!executor.connected) return;
    for (const { task_id } of [...(launch ? [launch.task] : []), ...(launch_group?.task_group.tasks ?? [])]) {
      this.launched.push(task_id.value);
      this.#told.get(executor)?.push(task_id.value);
    }
  }
}

const index = fc.nat({ max: 9 });
const name = fc.constantFrom('a', 'b');
const states = fc.constantFrom<TaskState>(
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
);
type Happening = (history: History) => void;
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(name, fc.boolean()).map(
      ([one, grouped]): Happening =>
        (history) =>
          history.run(one, grouped),
    ),
  },
  { weight: 6, arbitrary: fc.constant<Happening>((history) => history.progress()) },
  {
    weight: 4,
    arbitrary: index.map(
      (one): Happening =>
        (history) =>
          history.subscribe(one),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(index, states).map(
      ([one, state]): Happening =>
        (history) =>
          history.update(one, state),
    ),
  },
  { weight: 3, arbitrary: fc.constant<Happening>((history) => history.acknowledge()) },
  {
    weight: 2,
    arbitrary: index.map(
      (one): Happening =>
        (history) =>
          history.leave(one),
    ),
  },
  {
    weight: 2,
    arbitrary: index.map(
      (one): Happening =>
        (history) =>
          history.kill(one),
    ),
  },
  {
    weight: 1,
    arbitrary: index.map(
      (one): Happening =>
        (history) =>
          history.exit(one, one),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (one): Happening =>
        (history) =>
          history.shutdown(one),
    ),
  },
  {
    weight: 1,
    arbitrary: index.map(
      (one): Happening =>
        (history) =>
          history.timeOut(one),
    ),
  },
);

test('whatever happens to executors, each of their tasks is told of once at the most and reaches one end, the last that is heard of it', () => {
  fc.assert(
    fc.property(fc.array(happening, { minLength: 5, maxLength: 60 }), fc.boolean(), (happenings, tornDown) => {
      const history = new History();
      for (const happens of happenings) happens(history);
      if (tornDown) history.tearDown();
      history.finish();
      assert.equal(history.state.executors.size, 0);
      assert.deepEqual([...history.state.tasks.keys()], []);
      assert.equal(new Set(history.launched).size, history.launched.length, 'a task was launched twice');
      if (tornDown) return;
      for (const task of history.ran) {
        const heard = history.updates.filter(({ task_id }) => task_id.value === task);
        const uuids = [...new Set(heard.map(({ uuid }) => uuid))];
        const ends = new Set(heard.filter(({ state }) => isTerminal(state)).map(({ uuid }) => uuid));
        assert.equal(ends.size, 1, `${task} ended ${ends.size} times`);
        assert.ok(ends.has(uuids.at(-1)), `${task} was heard of after its end`);
      }
    }),
    { numRuns: 500 },
  );
});
