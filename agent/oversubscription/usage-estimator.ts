import type { MeasuredUse, ResourceEstimator } from './estimator.ts';

/** What is known of a container: CPU as it was at the last look, cores that it uses on average, and the most memory that it ever used. */
interface Look {
  readonly cpuSeconds: number;
  readonly at: number;
  readonly cpus: number | undefined;
  readonly mem: number;
}

// How much of an average the latest look is, where it is lower than the average.
const latest = 0.2;
// What is left over is given in steps, so that offers are not rescinded for next to nothing.
const stepCpus = 0.1;
const stepMem = 32;

/**
 * Gives a second time what regular tasks were given and do not use. What they use more of counts at once, what they use less of little by little.
 * Of memory, which cannot be taken back, the most counts that they ever used. A container counts from its second look on.
 */
export class UsageEstimator implements ResourceEstimator {
  readonly measures = true;
  #looks = new Map<string, Look>();

  estimate(containers: readonly MeasuredUse[], now: number): ReadonlyMap<string, number> {
    const looks = new Map<string, Look>();
    let [cpus, mem] = [0, 0];
    for (const { container, isRegular, given, used } of containers) {
      const known = this.#looks.get(container);
      const look = used === undefined ? known : measure(known, used, now);
      if (look === undefined) continue;
      looks.set(container, look);
      if (!isRegular || look.cpus === undefined) continue;
      cpus += Math.max(0, given.cpus - look.cpus);
      mem += Math.max(0, given.mem - look.mem);
    }
    this.#looks = looks;
    const amounts: [string, number][] = [
      ['cpus', steps(cpus, stepCpus)],
      ['mem', steps(mem, stepMem)],
    ];
    return new Map(amounts.filter(([, amount]) => amount > 0));
  }
}

function measure(known: Look | undefined, used: { cpuSeconds: number; mem: number }, now: number): Look {
  const seconds = (now - (known?.at ?? now)) / 1000;
  const mem = Math.max(known?.mem ?? 0, used.mem);
  if (known === undefined) return { cpuSeconds: used.cpuSeconds, at: now, cpus: undefined, mem };
  if (seconds <= 0) return { ...known, mem };
  const cpus = Math.max(0, used.cpuSeconds - known.cpuSeconds) / seconds;
  const average = known.cpus === undefined ? cpus : known.cpus + latest * (cpus - known.cpus);
  return { cpuSeconds: used.cpuSeconds, at: now, cpus: Math.max(cpus, average), mem };
}

/** Rounded down; exact to a thousandth. */
function steps(amount: number, step: number): number {
  return Math.round(Math.floor(amount / step + 1e-9) * step * 1000) / 1000;
}
