import type { Hit } from './faults.ts';
import type { Fault, FaultKind } from './schedule.ts';
import type { TaskPlan, Unit } from './workload.ts';

/** What may happen to a task for what was done to the world while it was under way. */
export interface Excuses {
  /** It may never reach its agent. */
  delivery: boolean;
  /** Its launch may fail. */
  launch: boolean;
  /** It may end in another way than its own. */
  end: boolean;
  /** Its launch may be said to have failed although it runs. */
  forgotten: boolean;
}

/** Milliseconds for which a fault may be felt after it is over: connections have to be made again. */
const aftermath = 10_000;

/**
 * The table. What is not in it excuses nothing: tasks survive their agent, their masters, their scheduler, ZooKeeper, cut links and
 * wrong clocks, and their engine, which is set up to leave containers alone when it ends.
 *
 * | fault                                     | a launch on its way may be dropped | it may fail   | a running task may end |
 * |-------------------------------------------|------------------------------------|---------------|------------------------|
 * | on its way: of the scheduler, a master, ZooKeeper, its agent, or a link of theirs | yes                                |               |                        |
 * | of the engine                             |                                    | yes           |                        |
 * | a full disk of its agent                  | yes                                | yes           | yes                    |
 * | kill of its executor, or of the task      |                                    | yes           | yes                    |
 * | kill of another task of its pod           |                                    | yes           | yes                    |
 *
 * An engine that is killed in the instant between starting a container and writing that down does not know later that it runs, and calls it
 * created (Docker 20.10): the agent ends what runs in it, and says that the launch has failed, although the task may have begun.
 */
export function excusesOf(
  unit: Unit,
  plan: TaskPlan,
  launch: { at: number; host: string },
  told: number,
  hits: readonly Hit[],
): Excuses {
  const near = hits.filter(({ from, to }) => from <= told && launch.at <= to + aftermath);
  const onDisk = near.some(({ fault }) => fault.kind === 'disk' && fault.target === launch.host);
  const victims = near.flatMap(({ victim }) => (victim === undefined ? [] : [victim]));
  const hit = victims.includes(unit.id) || victims.includes(plan.id) || (unit.kind === 'pod' && isMate(unit, victims));
  const engine = near.some(({ fault }) => fault.kind === 'kill' && fault.target.startsWith('e'));
  return {
    delivery: onDisk || near.some(({ fault }) => isOnTheWay(fault, launch.host)),
    launch: onDisk || hit || (engine && unit.containerizer === 'docker'),
    end: onDisk || hit,
    forgotten: engine && unit.containerizer === 'docker',
  };
}

/** Whether it can keep a launch from coming to its agent: by the scheduler, masters (and ZooKeeper, which makes them masters), that agent. */
function isOnTheWay(fault: Fault, host: string): boolean {
  const ways: readonly FaultKind[] = ['kill', 'stop', 'cut', 'slow', 'reset', 'clock'];
  const ends = fault.kind === 'cut' ? [fault.target, fault.from] : [fault.target];
  return ways.includes(fault.kind) && ends.some((end) => end === host || end === 'all' || /^[msz]/.test(end));
}

function isMate({ tasks }: Unit, victims: readonly string[]): boolean {
  return tasks.some(({ id }) => victims.includes(id));
}
