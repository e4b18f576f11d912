import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { TaskState } from '../../../protocol/messages.ts';
import { runDriver, taskInfo } from '../../support/executor-room.ts';
import { type Fault, ScriptedAgent } from '../../support/scripted-agent.ts';
import { settle, until } from '../../support/virtual-clock.ts';

type Step =
  | { what: 'launch'; task: string }
  | { what: 'update'; task: string }
  | { what: 'finish'; task: string }
  | { what: 'cut' }
  | { what: 'settle' }
  | { what: 'fail'; call: 'SUBSCRIBE' | 'UPDATE'; fault: Fault; times: number };

const failing = (call: 'SUBSCRIBE' | 'UPDATE', ...faults: Fault[]): fc.Arbitrary<Step> =>
  fc.record({
    what: fc.constant('fail' as const),
    call: fc.constant(call),
    fault: fc.constantFrom(...faults),
    times: fc.integer({ min: 1, max: 3 }),
  });

const task = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant('launch' as const), task }),
  { arbitrary: fc.record({ what: fc.constant('update' as const), task }), weight: 3 },
  fc.record({ what: fc.constant('finish' as const), task }),
  fc.record({ what: fc.constant('cut' as const) }),
  fc.record({ what: fc.constant('settle' as const) }),
  failing('SUBSCRIBE', 'lost', 'unanswered', 'busy', 'cut'),
  failing('UPDATE', 'lost', 'unanswered', 'busy', 'cut', { status: 403, text: 'Executor is not subscribed' }),
);

test('whatever breaks, each update is taken once, in the order of its task, and acknowledged once', async () => {
  let delivered = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
      const cleanUps: (() => unknown)[] = [];
      const inner = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) } as unknown as TestContext;
      try {
        delivered += await play(inner, steps);
      } finally {
        for (const cleanUp of cleanUps) await cleanUp();
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  );
  assert.ok(delivered > 50, `only ${delivered} updates`);
});

async function play(t: TestContext, steps: readonly Step[]): Promise<number> {
  const agent = await ScriptedAgent.open(t);
  const acknowledged: string[] = [];
  const made = new Map<string, string[]>();
  const delivered: Promise<void>[] = [];
  const { driver } = runDriver(t, agent, {
    launch: () => undefined,
    acknowledged: ({ uuid = '' }) => void acknowledged.push(uuid),
  });
  const tell = (id: string, state: TaskState) => {
    // Details come back as they are: the message says which update of the task it is.
    const before = made.get(id) ?? [];
    if (!driver.tasks.some(({ name }) => name === id)) return;
    const message = `${before.length} ${state}`;
    made.set(id, [...before, message]);
    delivered.push(driver.update(id, state, { message }));
  };
  const faults: { call: string; fault: Fault; times: number }[] = [];
  agent.fault = (call) => {
    const found = faults.find((entry) => entry.call === call.type && entry.times > 0);
    if (found === undefined) return undefined;
    found.times--;
    return found.fault;
  };
  for (const step of steps) {
    if (step.what === 'launch' && !agent.launched.has(step.task)) {
      await until('it is subscribed', () => agent.subscribed);
      agent.launch(taskInfo(step.task));
      // It may be lost with the subscription.
      const arrived = () => driver.tasks.some(({ name }) => name === step.task);
      for (let turns = 0; turns < 50 && !arrived(); turns++) await settle();
    }
    if (step.what === 'update') tell(step.task, 'TASK_RUNNING');
    if (step.what === 'finish') tell(step.task, 'TASK_FINISHED');
    if (step.what === 'cut') agent.cut();
    if (step.what === 'settle') await settle();
    if (step.what === 'fail') faults.push(step);
  }
  await Promise.all(delivered);
  for (const [id, messages] of made) {
    assert.deepEqual(
      agent.statuses(id).map(({ message }) => message),
      messages,
    );
  }
  await settle();
  assert.deepEqual([...acknowledged].sort(), [...agent.updates.keys()].sort());
  // What is launched and not heard of yet, each subscription tells.
  assert.deepEqual(
    agent.forgotten.filter((id) => driver.tasks.some(({ name }) => name === id)),
    [],
  );
  return acknowledged.length;
}
