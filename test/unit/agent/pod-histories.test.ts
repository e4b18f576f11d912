import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  containerExited,
  containerRemoved,
  containerStarted,
  containerStarting,
  launchFailed,
} from '../../../agent/commands/container-events.ts';
import { executorExited, executorFailed, executorStarted } from '../../../agent/commands/executor-container.ts';
import { killTask } from '../../../agent/commands/kill-task.ts';
import { acknowledge } from '../../../agent/commands/master-messages.ts';
import { runTaskGroup } from '../../../agent/commands/run-task.ts';
import { shutdownNamedExecutor } from '../../../agent/commands/shutdown-executor.ts';
import type { Effect } from '../../../agent/effects.ts';
import { hasHolder } from '../../../agent/pods.ts';
import { SandboxPaths } from '../../../agent/sandbox-paths.ts';
import { type AgentState, emptyState, type Run, type TaskRecord, taskKey } from '../../../agent/state.ts';
import type { Context } from '../../../agent/status-updates.ts';
import type { TaskStatus } from '../../../protocol/messages.ts';
import { isTerminal } from '../../../protocol/task-state.ts';
import { framework } from '../../support/agent-room.ts';
import { onNetwork, podInfo, podTask } from '../../support/pod-messages.ts';

const settings = {
  killGrace: 5,
  executorShutdownGrace: 5,
  executorRegistrationTimeout: 60,
  executorReregistrationTimeout: 2,
};
const failure = { reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: 'it cannot be had' } as const;

/** The commands on pods, an engine that answers when the test lets it, and a scheduler that acknowledges when it does. */
class History {
  readonly state: AgentState = emptyState(settings);
  readonly told: TaskStatus[] = [];
  readonly launching = new Set<Run>();
  readonly running = new Set<Run>();
  readonly removing = new Set<Run>();
  /** Asked to end. */
  readonly ending = new Set<Run>();
  readonly unacknowledged: TaskStatus[] = [];
  ends = 0;
  #uuids = 0;

  get context(): Context {
    const uuid = () => `00000000-0000-4000-8000-${String(++this.#uuids).padStart(12, '0')}`;
    return { now: 0, ids: { uuid } };
  }

  group(ids: string[], network: boolean): void {
    const executor = podInfo('p', network ? onNetwork('bridge') : {});
    const given = { framework, executor, tasks: ids.map((id) => podTask(id)), address: '10.0.0.1' };
    this.perform(runTaskGroup(this.state, new SandboxPaths('/w', 'S'), given, this.context));
  }

  perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'launch') this.launching.add(effect.run);
      if (effect.kind === 'abortLaunch' || effect.kind === 'stopContainer') this.ending.add(effect.run);
      if (effect.kind === 'removeContainer') {
        assert.ok(!this.launching.has(effect.run) && !this.running.has(effect.run), 'removed while it runs');
        this.removing.add(effect.run);
      }
      if (effect.kind !== 'sendToMaster') continue;
      const { message } = effect;
      if (message.type === 'EXECUTOR_EXITED') this.ends++;
      if (message.type !== 'UPDATE') continue;
      this.told.push(message.status);
      this.unacknowledged.push(message.status);
    }
  }

  started(run: Run): void {
    this.launching.delete(run);
    if (run.kind === 'task' || hasHolder(run)) this.running.add(run);
    if (run.kind === 'executor') {
      this.perform(executorStarted(this.state, run, [], this.context));
    } else {
      this.perform(containerStarting(run, this.context));
      this.perform(containerStarted(run, [], this.context));
    }
  }

  failed(run: Run): void {
    this.launching.delete(run);
    const { state, context } = this;
    this.perform(
      run.kind === 'task' ? launchFailed(state, run, failure, context) : executorFailed(state, run, failure, context),
    );
  }

  exited(run: Run, exitCode: number): void {
    this.running.delete(run);
    const exit = { exitCode, outOfMemory: false };
    const { state, context } = this;
    this.perform(
      run.kind === 'task' ? containerExited(state, run, exit, context) : executorExited(state, run, exit, context),
    );
  }

  removed(run: Run): void {
    this.removing.delete(run);
    this.perform(containerRemoved(this.state, run));
  }

  acknowledge(status: TaskStatus): void {
    this.unacknowledged.splice(this.unacknowledged.indexOf(status), 1);
    const { task_id, uuid = '' } = status;
    this.perform(acknowledge(this.state, { framework_id: 'F', task_id: task_id.value, uuid }, 0));
  }

  kill(id: string): void {
    const task = this.state.tasks.get(taskKey('F', id));
    if (task !== undefined) this.perform(killTask(this.state, task, undefined, this.context));
  }

  shutdown(): void {
    this.perform(shutdownNamedExecutor(this.state, { framework_id: 'F', executor_id: 'p' }, this.context));
  }

  /** One of what may happen next; `bad`: what goes wrong may. */
  step(choice: number, bad: boolean): void {
    const pick = <T>(of: Iterable<T>): T | undefined => [...of][choice % Math.max([...of].length, 1)];
    const all = [this.launching, this.running, this.removing, this.unacknowledged].filter(
      (some) => [...some].length > 0,
    );
    const chosen = pick(all);
    if (chosen === this.launching) {
      const run = pick(this.launching);
      if (run !== undefined) bad ? this.failed(run) : this.started(run);
    } else if (chosen === this.running) {
      const run = pick(this.running);
      if (run === undefined || (run.kind === 'executor' && !this.ending.has(run) && !bad)) return;
      this.exited(run, this.ending.has(run) ? 143 : bad ? 1 : 0);
    } else if (chosen === this.removing) {
      const run = pick(this.removing);
      if (run !== undefined) this.removed(run);
    } else {
      const [status] = this.unacknowledged;
      if (status !== undefined) this.acknowledge(status);
    }
  }

  /** A task that runs on while one of its group did not finish has been told to end. */
  check(): void {
    const alive = [...this.launching, ...this.running].filter((run): run is TaskRecord => run.kind === 'task');
    for (const task of alive) {
      const broken = (task.group ?? []).some(({ state }) => isTerminal(state) && state !== 'TASK_FINISHED');
      assert.ok(!broken || this.ending.has(task), `${task.key} outlives its group`);
    }
  }

  /** Everything comes to its end, well where it may. */
  finish(): void {
    for (let steps = 0; this.state.tasks.size + this.state.executors.size + this.removing.size > 0; steps++) {
      assert.ok(steps < 1_000, 'it does not end');
      this.step(steps, false);
      this.check();
    }
  }
}

const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ step: fc.nat(1000), bad: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kill: fc.constantFrom('a', 'b', 'c', 'd') }) },
  { weight: 1, arbitrary: fc.record({ shutdown: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ group: fc.constant(true) }) },
);

test('whatever happens to a pod, each task ends once, a group as a whole, and nothing is left', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(action, { maxLength: 60 }), (network, actions) => {
      const history = new History();
      history.group(['a', 'b', 'c'], network);
      let launched = 1;
      for (const one of actions) {
        if ('step' in one) history.step(one.step, one.bad);
        else if ('kill' in one) history.kill(one.kill);
        else if ('shutdown' in one) history.shutdown();
        else if (launched < 3) history.group([`d${launched === 1 ? '' : launched}`, `e${launched++}`], network);
        history.check();
      }
      history.finish();
      const ids = new Set(history.told.map(({ task_id }) => task_id.value));
      for (const id of ids) {
        const states = history.told.filter(({ task_id }) => task_id.value === id).map(({ state }) => state);
        assert.equal(states.filter(isTerminal).length, 1, `${id}: ${states.join(', ')}`);
        assert.ok(isTerminal(states.at(-1) ?? 'TASK_STAGING'));
      }
      assert.equal(ids.size, 3 + (launched - 1) * 2);
      assert.ok(history.ends >= 1);
      assert.equal(history.running.size, 0);
    }),
    { numRuns: 2_000 },
  );
});
