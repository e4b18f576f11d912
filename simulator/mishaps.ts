import type { Random } from './random.ts';
import type { Fault, FaultKind } from './scenario.ts';
import type { SimulatedAgent } from './simulated-agent.ts';
import type { SimulatedMaster } from './simulated-master.ts';
import type { SimulatedScheduler } from './simulated-scheduler.ts';
import { draw } from './spans.ts';
import type { Timeline } from './timeline.ts';
import type { Direction } from './wire.ts';

export interface Victims {
  readonly master: SimulatedMaster;
  readonly agents: readonly SimulatedAgent[];
  readonly schedulers: readonly SimulatedScheduler[];
  /** Told of each mishap. */
  struck(): void;
}

/** What ends a mishap that has begun. */
export type End = () => void;

const agentMishaps = {
  'agent-dies': (agent) => {
    agent.die();
    return () => agent.comeBack();
  },
  'agent-burns': (agent) => {
    agent.burn();
    return () => agent.comeBack();
  },
  'agent-restarts': (agent, random) => {
    if (random.next() < 0.5) agent.crash();
    else agent.crashWriting();
    return () => agent.comeBack();
  },
  'agent-drains': (agent, _, { master }) => {
    const { id } = agent;
    if (id === undefined) return () => undefined;
    agent.isToBeEmptied = true;
    master.drain(id);
    return () => master.reactivate(id);
  },
  'link-breaks': (agent) => {
    agent.cutOff();
    return () => agent.reconnect();
  },
  'link-resets': (agent) => {
    agent.hangUp();
    return () => agent.reconnect();
  },
  'link-stalls': stall,
  'clock-steps': stepClock,
} satisfies Partial<Record<FaultKind, (victim: SimulatedAgent, random: Random, victims: Victims) => End>>;

const schedulerMishaps = {
  'scheduler-dies': (scheduler) => {
    scheduler.die();
    return () => scheduler.comeBack();
  },
  'scheduler-fails-over': (scheduler) => {
    scheduler.failOver();
    return () => undefined;
  },
  'scheduler-stalls': stall,
  'scheduler-stutters': (scheduler) => {
    scheduler.stutter(true);
    return () => scheduler.stutter(false);
  },
} satisfies Partial<Record<FaultKind, (victim: SimulatedScheduler, random: Random) => End>>;

const masterMishaps = {
  'master-restarts': (master, random) => {
    if (random.next() < 0.5) master.crash();
    else master.crashWriting();
    return () => master.recover();
  },
  'master-clock-steps': stepClock,
} satisfies Partial<Record<FaultKind, (victim: SimulatedMaster, random: Random) => End>>;

// Milliseconds: clocks are set by up to an hour.
const longestStep = 3_600_000;

function stall(victim: SimulatedAgent | SimulatedScheduler, random: Random): End {
  const [directions = []] = random.pick<Direction[]>([['up'], ['down'], ['up', 'down']], 1);
  for (const direction of directions) victim.block(direction);
  return () => {
    for (const direction of directions) victim.unblock(direction);
  };
}

function stepClock(victim: SimulatedAgent | SimulatedMaster, random: Random): End {
  const step = (2 * random.next() - 1) * longestStep;
  victim.stepClock(step);
  return () => victim.stepClock(-step);
}

/**
 * Lets a fault happen when it is due, again and again if it recurs, for so many seconds from the beginning.
 * Returns what ends all that it has begun.
 */
export function inflict(fault: Fault, until: number, victims: Victims, timeline: Timeline, random: Random): End {
  const { at, every, count, lasts } = fault;
  const candidates = candidatesOf(fault, victims, random);
  const open = new Set<End>();
  const strike = () => {
    if (timeline.elapsed >= until) return;
    for (const begin of random.pick(candidates, count)) {
      const undo = begin();
      victims.struck();
      const end = () => {
        if (open.delete(end)) undo();
      };
      open.add(end);
      if (lasts !== undefined) timeline.after(draw(lasts, random) * 1000, end);
    }
    if (every !== undefined) timeline.after(draw(every, random) * 1000, strike);
  };
  timeline.after(at * 1000, strike);
  return () => {
    for (const end of open) end();
  };
}

function candidatesOf({ kind, among }: Fault, victims: Victims, random: Random): (() => End)[] {
  const isMeant = ({ group }: SimulatedAgent | SimulatedScheduler) => among === undefined || group.name === among;
  if (kind in masterMishaps) {
    const begin = masterMishaps[kind as keyof typeof masterMishaps];
    return [() => begin(victims.master, random)];
  }
  if (kind in schedulerMishaps) {
    const begin = schedulerMishaps[kind as keyof typeof schedulerMishaps];
    return victims.schedulers.filter(isMeant).map((scheduler) => () => begin(scheduler, random));
  }
  const begin = agentMishaps[kind as keyof typeof agentMishaps];
  return victims.agents.filter(isMeant).map((agent) => () => begin(agent, random, victims));
}
