import { parseArgs } from 'node:util';
import { type FaultKind, faultKinds } from './schedule.ts';
import { type Shape, shapeOf } from './shape.ts';

export interface ChaosOptions {
  seed: string;
  faults: number;
  /** In which the faults happen, and tasks are launched. */
  seconds: number;
  tasks: number;
  masters: 1 | 3;
  dockerAgents: number;
  processAgents: number;
  kinds: FaultKind[] | undefined;
  /** Whether the directory of the run stays, whatever the outcome. */
  keep: boolean;
}

export const usage = `npm run chaos -- [options]
  --seed=WORD            what the schedule of faults and the workload follow from; random by default
  --faults=NUMBER        1000 by default
  --seconds=NUMBER       in which they happen; 1.5 for each fault by default
  --tasks=NUMBER         at the least; one every two seconds by default
  --masters=1|3          3 by default, with ZooKeeper; 1 has its own registry
  --docker-agents=NUMBER --process-agents=NUMBER   2 and 2 by default
  --only=KIND,KIND       of ${Object.keys(faultKinds).join(', ')}
  --simulated            in the simulator, on hundreds of agents; with --seed=NUMBER, --scale=NUMBER (1: 500 agents) and --seconds alone
  --keep                 leaves the directory of the run, with all logs, there also when all is well`;

/** Throws an Error with a sentence when they make no sense. */
export function parseOptions(args: readonly string[], randomSeed: () => string): ChaosOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ seed: text, faults: text, seconds: text, tasks: text, masters: text, only: text },
      ...{ 'docker-agents': text, 'process-agents': text, keep: { type: 'boolean', default: false } },
    },
  });
  const faults = whole('faults', values.faults ?? '1000');
  const seconds = whole('seconds', values.seconds ?? String(Math.max(1, Math.ceil(faults * 1.5))));
  const masters = whole('masters', values.masters ?? '3');
  if (masters !== 1 && masters !== 3) throw new Error('--masters is 1 or 3');
  return {
    ...{ seed: values.seed ?? randomSeed(), faults, seconds, masters, keep: values.keep },
    tasks: whole('tasks', values.tasks ?? String(Math.ceil(seconds / 2))),
    dockerAgents: whole('docker-agents', values['docker-agents'] ?? '2'),
    processAgents: whole('process-agents', values['process-agents'] ?? '2'),
    kinds: values.only?.split(',').map(faultKind),
  };
}

/** The command that does it all again. */
export function commandOf(options: ChaosOptions): string {
  const { seed, faults, seconds, tasks, masters, dockerAgents, processAgents, kinds } = options;
  const words = [
    ...[`--seed=${seed}`, `--faults=${faults}`, `--seconds=${seconds}`, `--tasks=${tasks}`, `--masters=${masters}`],
    ...[`--docker-agents=${dockerAgents}`, `--process-agents=${processAgents}`],
    ...(kinds === undefined ? [] : [`--only=${kinds.join(',')}`]),
  ];
  return `npm run chaos -- ${words.join(' ')}`;
}

export function shapeFor(options: ChaosOptions): Shape {
  return shapeOf(options);
}

function whole(name: string, value: string): number {
  if (!/^\d+$/.test(value)) throw new Error(`--${name} is a whole number`);
  return Number(value);
}

function faultKind(word: string): FaultKind {
  const kind = (Object.keys(faultKinds) as FaultKind[]).find((known) => known === word);
  if (kind === undefined) throw new Error(`${word} is no kind of fault: ${Object.keys(faultKinds).join(', ')}`);
  return kind;
}
