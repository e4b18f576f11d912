import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import {
  estimatorChoice,
  type MeasuredUse,
  makeEstimator,
  revocableResources,
} from '../../../agent/oversubscription/estimator.ts';
import { Oversubscription } from '../../../agent/oversubscription/oversubscription.ts';
import { makeQosController, qosChoice } from '../../../agent/oversubscription/qos-controller.ts';
import { UsageEstimator } from '../../../agent/oversubscription/usage-estimator.ts';
import type { Resource, TaskInfo } from '../../../protocol/messages.ts';
import { silentLog } from '../../../runtime/log.ts';
import { AgentRoom, dockerTask, framework } from '../../support/agent-room.ts';
import { resourcesOf } from '../../support/master-messages.ts';
import { executorInfo, executorTask, RoomExecutor } from '../../support/room-executor.ts';
import { settle, VirtualClock } from '../../support/virtual-clock.ts';

const numRuns = Number(process.env.MESITA_TEST_RUNS ?? 300);

function use(cpuSeconds: number, mem: number, change: Partial<MeasuredUse> = {}): MeasuredUse {
  return { container: 'c', isRegular: true, given: { cpus: 2, mem: 1024 }, used: { cpuSeconds, mem }, ...change };
}

/** Looks 10 s apart at one container; the last estimate. */
function estimated(...looks: MeasuredUse[]): Record<string, number> {
  const estimator = new UsageEstimator();
  const estimates = looks.map((look, index) => estimator.estimate([look], index * 10_000));
  return Object.fromEntries(estimates.at(-1) ?? []);
}

describe('--resource_estimator', () => {
  test('is fixed, with resources, or usage', () => {
    const fixed = { kind: 'fixed', resources: new Map(Object.entries({ cpus: 2, mem: 512 })) };
    assert.deepEqual(estimatorChoice('fixed:cpus:2;mem:512'), { value: fixed });
    assert.deepEqual(estimatorChoice('usage'), { value: { kind: 'usage' } });
    for (const wrong of ['', 'fixed', 'fixed:', 'fixed:cpus', 'fixed:cpus(r):1', 'fixed:ports:[1-2]', 'mine'])
      assert.ok('error' in estimatorChoice(wrong), wrong);
  });

  test('fixed always gives the same', () => {
    const choice = estimatorChoice('fixed:cpus:2;mem:512');
    assert.ok('value' in choice);
    assert.deepEqual(Object.fromEntries(makeEstimator(choice.value).estimate([use(9, 9)], 0)), { cpus: 2, mem: 512 });
  });

  test('usage gives what was measured as unused, once there are two looks at it', () => {
    assert.deepEqual(estimated(use(0, 100)), {});
    assert.deepEqual(estimated(use(0, 100), use(5, 100)), { cpus: 1.5, mem: 896 });
  });

  test('usage takes back at once what is used, and gives little by little what is used no more', () => {
    assert.deepEqual(estimated(use(0, 0), use(0, 0), use(20, 1000)), {});
    assert.deepEqual(estimated(use(0, 0), use(20, 0), use(20, 0)), { cpus: 0.4, mem: 1024 });
    // Memory that was used once may be needed again.
    assert.deepEqual(estimated(use(0, 600), use(0, 0), use(0, 0)), { cpus: 2, mem: 416 });
  });

  test('usage gives nothing of what is revocable itself, or was not measured', () => {
    const revocable = { isRegular: false };
    assert.deepEqual(estimated(use(0, 0, revocable), use(0, 0, revocable)), {});
    const unmeasured = { ...use(0, 0), used: undefined };
    assert.deepEqual(estimated(unmeasured, unmeasured), {});
  });

  test('usage never gives more than all was given', () => {
    const look = fc.record({
      cpu: fc.nat(40),
      mem: fc.nat(4000),
      cpus: fc.nat(8),
      limit: fc.nat(2048),
      regular: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.array(look, { maxLength: 5 }), { maxLength: 6 }), (rounds) => {
        const estimator = new UsageEstimator();
        for (const [index, looks] of rounds.entries()) {
          const uses = looks.map(({ cpu, mem, cpus, limit, regular }, place) =>
            use(cpu, mem, { container: `c${place}`, isRegular: regular, given: { cpus, mem: limit } }),
          );
          const given = estimator.estimate(uses, index * 1000);
          const regular = uses.filter(({ isRegular }) => isRegular);
          for (const name of ['cpus', 'mem'] as const)
            assert.ok((given.get(name) ?? 0) <= regular.reduce((sum, one) => sum + one.given[name], 0));
        }
      }),
      { numRuns },
    );
  });
});

describe('--qos_controller', () => {
  test('is load, with one or two thresholds', () => {
    assert.deepEqual(qosChoice('load:5min=6,15min=4'), { value: { kind: 'load', fiveMinutes: 6, fifteenMinutes: 4 } });
    assert.deepEqual(qosChoice('load:15min=0.5'), {
      value: { kind: 'load', fiveMinutes: undefined, fifteenMinutes: 0.5 },
    });
    for (const wrong of ['', 'load', 'load:', 'load:6', 'load:1min=3', 'load:5min=1,5min=2', 'load:5min=-1'])
      assert.ok('error' in qosChoice(wrong), wrong);
  });

  test('load asks for a correction above its thresholds alone', () => {
    const controller = makeQosController({ kind: 'load', fiveMinutes: 6, fifteenMinutes: 4 });
    assert.equal(controller.correction([99, 6, 4]), undefined);
    assert.equal(controller.correction([0, 6.254, 0]), 'the load average over 5 minutes is 6.25, more than 6');
    assert.equal(controller.correction([0, 0, 5]), 'the load average over 15 minutes is 5, more than 4');
  });
});

const revocable = (text: string): Resource[] => resourcesOf(text).map((resource) => ({ ...resource, revocable: {} }));
const because = 'the load is too high';

async function open(t: TestContext): Promise<AgentRoom> {
  const room = await AgentRoom.open();
  t.after(() => room.close());
  return room;
}

async function running(t: TestContext, task: Partial<TaskInfo>, capable = true): Promise<AgentRoom> {
  const room = await open(t);
  const capabilities = capable ? [{ type: 'PARTITION_AWARE' } as const] : [];
  room.run(dockerTask('t1', task), { ...framework, capabilities });
  await room.running('t1');
  return room;
}

const preempted = {
  reason: 'REASON_CONTAINER_PREEMPTED',
  message: `Its revocable resources were taken back: ${because}`,
};

describe('an oversubscribed agent', () => {
  test('tells the master when something else may be given, and again when it is back', async (t) => {
    const room = await open(t);
    const told = () => room.sent.filter(({ type }) => type === 'OVERSUBSCRIBED').length;
    room.performer.oversubscribe(revocable('cpus:2'));
    room.performer.oversubscribe(revocable('cpus:2'));
    assert.equal(told(), 1);
    room.performer.oversubscribe([]);
    assert.deepEqual(room.sent.at(-1), { type: 'OVERSUBSCRIBED', resources: [] });
    room.register();
    assert.equal(told(), 3);
  });

  test('that takes revocable resources back ends their tasks at once, and says why', async (t) => {
    for (const capable of [true, false]) {
      const room = await running(t, { resources: revocable('cpus:1;mem:64') }, capable);
      room.performer.preemptRevocable(because);
      assert.equal(
        room.engine.calls
          .filter((call) => call.startsWith('stop'))
          .at(-1)
          ?.split(' ')
          .at(-1),
        '0',
      );
      const { state, reason, message, source } = (await room.history('t1')).at(-1) ?? {};
      const expected = { state: capable ? 'TASK_GONE' : 'TASK_LOST', ...preempted, source: 'SOURCE_AGENT' };
      assert.deepEqual({ state, reason, message, source }, expected);
      assert.equal(room.state.counters.get('executors_preempted'), 1);
    }
  });

  test('leaves all others alone', async (t) => {
    const room = await running(t, {});
    room.performer.preemptRevocable(because);
    assert.deepEqual(
      room.engine.calls.filter((call) => call.startsWith('stop')),
      [],
    );
    assert.equal(room.state.counters.get('executors_preempted'), undefined);
  });

  test('ends executors with all of their tasks', async (t) => {
    const room = await open(t);
    room.run(executorTask('t1', executorInfo('ex'), { resources: revocable('cpus:1;mem:64') }));
    const executor = await RoomExecutor.subscribe(room, 'ex');
    executor.update('t1', 'TASK_RUNNING');
    for (const status of room.statuses()) room.acknowledge(status);
    room.performer.preemptRevocable(because);
    const { state, reason, message } = (await room.history('t1')).at(-1) ?? {};
    assert.deepEqual({ state, reason, message }, { state: 'TASK_LOST', ...preempted });
  });

  test('estimates and corrects again and again until it is stopped', async () => {
    const clock = new VirtualClock();
    const heard: unknown[] = [];
    let load = [0, 0, 0];
    const stop = new Oversubscription({
      estimator: makeEstimator({ kind: 'fixed', resources: new Map([['cpus', 2]]) }),
      controller: makeQosController({ kind: 'load', fiveMinutes: 1, fifteenMinutes: undefined }),
      estimateInterval: 15,
      correctionInterval: 0,
      measure: async () => [],
      clock,
      log: silentLog,
      estimated: (resources) => heard.push(resources),
      correct: (reason) => heard.push(reason),
      load: () => load,
    }).start();
    await settle();
    assert.deepEqual(heard.splice(0), [revocableResources(new Map([['cpus', 2]]))]);
    load = [0, 2, 0];
    clock.advance(1000);
    await settle();
    assert.deepEqual(heard.splice(0), ['the load average over 5 minutes is 2, more than 1']);
    stop();
    clock.advance(60_000);
    await settle();
    assert.deepEqual(heard, []);
  });
});
