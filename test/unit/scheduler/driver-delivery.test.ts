import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import type { TaskStatus } from '../../../protocol/messages.ts';
import { SchedulerDriver } from '../../../scheduler/index.ts';
import { subscribed } from '../../support/driver-room.ts';
import { frameworkInfo } from '../../support/master-messages.ts';
import { ScriptedMaster, type ScriptedRequest } from '../../support/scripted-master.ts';
import { until } from '../../support/virtual-clock.ts';

const updates: TaskStatus[] = Array.from({ length: 6 }, (_, index) => ({
  task_id: { value: 't' },
  agent_id: { value: 'S' },
  state: 'TASK_RUNNING',
  message: String(index),
  uuid: Buffer.alloc(16, 0x41 + index).toString('base64'),
}));

/** What happens to the n-th delivery of an update, and to the n-th acknowledgement. */
interface Mishaps {
  deliveries: ('goes well' | 'handler throws' | 'connection breaks meanwhile')[];
  acknowledgements: ('arrives' | 'is lost' | 'breaks the connection')[];
}

const mishaps: fc.Arbitrary<Mishaps> = fc.record({
  deliveries: fc.array(fc.constantFrom('goes well', 'handler throws', 'connection breaks meanwhile'), {
    maxLength: 12,
  }),
  acknowledgements: fc.array(fc.constantFrom('arrives', 'is lost', 'breaks the connection'), { maxLength: 12 }),
});

/** A master with one agent, which repeats its oldest update until that is acknowledged. */
async function repeatingMaster({ acknowledgements }: Mishaps, log: string[]) {
  const waiting = [...updates];
  let current: { request: ScriptedRequest; write: (record: unknown) => void } | undefined;
  const repeat = () => current?.write({ type: 'UPDATE', update: { status: waiting[0] } });
  let count = 0;
  const acknowledge = (request: ScriptedRequest) => {
    const fate = acknowledgements[count++] ?? 'arrives';
    if (fate === 'breaks the connection') {
      request.response.destroy();
      return current?.request.response.destroy();
    }
    request.answer(202);
    if (fate === 'is lost' || request.body.acknowledge.uuid !== waiting[0]?.uuid) return;
    log.push(`acknowledged ${waiting.shift()?.message}`);
    if (waiting.length > 0) repeat();
  };
  const master = await ScriptedMaster.open((request) => {
    if (request.body.type === 'ACKNOWLEDGE') return void acknowledge(request);
    current = { request, write: request.stream('s') };
    current.write(subscribed());
    if (waiting.length > 0) repeat();
  });
  const timer = setInterval(() => void (waiting.length > 0 && repeat()), 5);
  const close = async () => {
    clearInterval(timer);
    await master.close();
  };
  return { master, close, breakOff: () => current?.request.response.destroy(), done: () => waiting.length === 0 };
}

async function deliver(fate: Mishaps): Promise<string[]> {
  const log: string[] = [];
  const { master, close, breakOff, done } = await repeatingMaster(fate, log);
  let count = 0;
  const driver = new SchedulerDriver({
    master: master.address,
    framework: frameworkInfo({ id: 'F' }),
    random: () => 0,
    handlers: {
      update: async ({ message }, { repeated }) => {
        const happens = fate.deliveries[count++] ?? 'goes well';
        if (happens === 'handler throws') throw new Error('not now');
        if (happens === 'connection breaks meanwhile') {
          breakOff();
          await pause(2);
        }
        log.push(`${repeated ? 'repeated' : 'handled'} ${message}`);
      },
      handlerFailed: () => undefined,
    },
  });
  const end = driver.run();
  try {
    await until('all is acknowledged', done);
  } finally {
    driver.stop();
    await end;
    await close();
  }
  return log;
}

test('whatever fails and breaks, each update is handled once as new, in order, and acknowledged only then', async () => {
  await fc.assert(
    fc.asyncProperty(mishaps, async (fate) => {
      const log = await deliver(fate);
      const firsts = log.filter((entry) => !entry.startsWith('repeated'));
      assert.deepEqual(
        firsts,
        updates.flatMap(({ message }) => [`handled ${message}`, `acknowledged ${message}`]),
      );
    }),
    { numRuns: 40 },
  );
});
