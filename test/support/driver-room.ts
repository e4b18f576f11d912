import type { TestContext } from 'node:test';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { SchedulerDriver, type SchedulerHandlers, type SchedulerOptions } from '../../scheduler/index.ts';
import { frameworkInfo } from './master-messages.ts';
import { ScriptedMaster, type ScriptedRequest } from './scripted-master.ts';
import { until } from './virtual-clock.ts';

export const subscribed = (id = 'F'): SchedulerEvent => ({
  type: 'SUBSCRIBED',
  subscribed: { framework_id: { value: id }, heartbeat_interval_seconds: 15 },
});

export async function scriptedMaster(
  t: TestContext,
  script: (request: ScriptedRequest, index: number) => void,
): Promise<ScriptedMaster> {
  const opened = await ScriptedMaster.open(script);
  t.after(() => opened.close());
  return opened;
}

/** Subscriptions get SUBSCRIBED and the events, calls 202. */
export const playing =
  (...events: SchedulerEvent[]) =>
  (request: ScriptedRequest): void => {
    if (request.body.type !== 'SUBSCRIBE') {
      request.answer(202);
      return;
    }
    const write = request.stream('stream-1');
    for (const event of [subscribed(), ...events]) write(event);
  };

/** Plays the events of the n-th subscription and then cuts it, but for the last. */
export function playingInTurn(...subscriptions: SchedulerEvent[][]): (request: ScriptedRequest) => void {
  let count = 0;
  return (request) => {
    if (request.body.type !== 'SUBSCRIBE') {
      request.answer(202);
      return;
    }
    const events = subscriptions[count] ?? [];
    count++;
    const write = request.stream(`stream-${count}`);
    for (const event of [subscribed(), ...events]) write(event);
    if (count < subscriptions.length) request.response.end();
  };
}

export const callsOf = ({ requests }: ScriptedMaster, type: string): ScriptedRequest[] =>
  requests.filter(({ body }) => body.type === type);

export interface DriverRun {
  driver: SchedulerDriver;
  /** The error that `run` ended with, if it did. */
  end: Promise<(Error & { code?: string }) | undefined>;
}

/** A driver that runs until the test is over. */
export function runDriver(
  t: TestContext,
  master: SchedulerOptions['master'],
  handlers: SchedulerHandlers = {},
  options: Partial<SchedulerOptions> = {},
  signal?: AbortSignal,
): DriverRun {
  const driver = new SchedulerDriver({ master, framework: frameworkInfo(), handlers, random: () => 0, ...options });
  const end = driver.run(signal).then(
    () => undefined,
    (error: Error & { code?: string }) => error,
  );
  t.after(async () => {
    driver.stop();
    await end;
  });
  return { driver, end };
}

/** The same, once it is subscribed. */
export async function subscribedDriver(
  t: TestContext,
  master: SchedulerOptions['master'],
  handlers: SchedulerHandlers = {},
  options: Partial<SchedulerOptions> = {},
  signal?: AbortSignal,
): Promise<DriverRun> {
  let yes = false;
  const noted: SchedulerHandlers = {
    ...handlers,
    subscribed: (...about) => {
      yes = true;
      return handlers.subscribed?.(...about);
    },
  };
  const run = runDriver(t, master, noted, options, signal);
  await until('it is subscribed', () => yes);
  return run;
}
