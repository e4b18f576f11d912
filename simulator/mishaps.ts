import type { Random } from './random.ts';
import type { Fault, FaultKind } from './scenario.ts';
import type { SimulatedAgent } from './simulated-agent.ts';
import type { SimulatedScheduler } from './simulated-scheduler.ts';
import { draw } from './spans.ts';
import type { Timeline } from './timeline.ts';

export interface Victims {
  readonly agents: readonly SimulatedAgent[];
  readonly schedulers: readonly SimulatedScheduler[];
}

/** What happens to whom, and what ends it. */
interface Mishap {
  begin(): void;
  end(): void;
}

const mishaps: Record<FaultKind, (victims: Victims, among: string | undefined) => Mishap[]> = {
  'agent-dies': ({ agents }, among) =>
    agents
      .filter(({ group }) => among === undefined || group.name === among)
      .map((agent) => ({ begin: () => agent.die(), end: () => agent.comeBack() })),
  'link-breaks': ({ agents }, among) =>
    agents
      .filter(({ group }) => among === undefined || group.name === among)
      .map((agent) => ({ begin: () => agent.cutOff(), end: () => agent.reconnect() })),
  'link-resets': ({ agents }, among) =>
    agents
      .filter(({ group }) => among === undefined || group.name === among)
      .map((agent) => ({ begin: () => agent.hangUp(), end: () => agent.reconnect() })),
  'scheduler-dies': ({ schedulers }, among) =>
    schedulers
      .filter(({ group }) => among === undefined || group.name === among)
      .map((scheduler) => ({ begin: () => scheduler.die(), end: () => scheduler.comeBack() })),
};

/** Lets a fault happen when it is due, again and again if it recurs, for so many seconds from the beginning. */
export function inflict(fault: Fault, until: number, victims: Victims, timeline: Timeline, random: Random): void {
  const { kind, at, every, count, among, lasts } = fault;
  const candidates = mishaps[kind](victims, among);
  const strike = () => {
    if (timeline.elapsed >= until) return;
    for (const mishap of random.pick(candidates, count)) {
      mishap.begin();
      if (lasts !== undefined) timeline.after(draw(lasts, random) * 1000, () => mishap.end());
    }
    if (every !== undefined) timeline.after(draw(every, random) * 1000, strike);
  };
  timeline.after(at * 1000, strike);
}
