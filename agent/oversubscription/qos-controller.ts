/** Says when revocable resources have to be given up for the sake of all others. */
export interface QosController {
  /** Why all tasks with revocable resources have to end now; undefined: they need not. `load`: the averages of 1, 5 and 15 minutes. */
  correction(load: readonly number[]): string | undefined;
}

/** `--qos_controller`: the load averages above which nothing revocable may run. */
export interface QosChoice {
  readonly kind: 'load';
  readonly fiveMinutes: number | undefined;
  readonly fifteenMinutes: number | undefined;
}

const expected = 'expected load:5min=LOAD,15min=LOAD, or one of the two, such as load:5min=6';

/** Reads `load:5min=6,15min=4`. */
export function qosChoice(text: string): { value: QosChoice } | { error: string } {
  if (!text.startsWith('load:')) return { error: expected };
  const thresholds = new Map<string, number>();
  for (const part of text.slice('load:'.length).split(',')) {
    const match = /^\s*(5min|15min)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(part);
    if (match?.[1] === undefined || thresholds.has(match[1])) return { error: expected };
    thresholds.set(match[1], Number(match[2]));
  }
  return { value: { kind: 'load', fiveMinutes: thresholds.get('5min'), fifteenMinutes: thresholds.get('15min') } };
}

/** As Mesos' load controller. */
export function makeQosController({ fiveMinutes, fifteenMinutes }: QosChoice): QosController {
  return {
    correction: ([, five = 0, fifteen = 0]) =>
      tooHigh('5 minutes', five, fiveMinutes) ?? tooHigh('15 minutes', fifteen, fifteenMinutes),
  };
}

function tooHigh(time: string, load: number, most: number | undefined): string | undefined {
  if (most === undefined || load <= most) return undefined;
  return `the load average over ${time} is ${Math.round(load * 100) / 100}, more than ${most}`;
}
