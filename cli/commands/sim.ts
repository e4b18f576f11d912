import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Sorting, sortings } from '../../master/allocator/sorting.ts';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { knownScenarios, loadScenario, simulate } from '../../simulator/main.ts';
import { plot } from '../../simulator/plot.ts';
import { report, reportJson } from '../../simulator/report.ts';
import type { Scenario } from '../../simulator/scenario.ts';
import { parseSeconds } from '../../simulator/spans.ts';
import { renderTable } from '../format/table.ts';

interface SimOptions {
  list?: boolean;
  seed: number;
  until?: number;
  role_sorter?: Sorting;
  framework_sorter?: Sorting;
  json?: boolean;
  svg?: string;
}

function time(value: string): number {
  const seconds = parseSeconds(value);
  if (seconds === undefined || seconds === 0) throw new InvalidArgumentError("Expected a time such as '90s' or '2d'.");
  return seconds;
}

function whole(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(value);
}

export function registerSim(program: Command): void {
  program
    .command('sim')
    .description('simulate a cluster under a workload, with the very master, allocator and agents')
    .argument('[scenario]', 'the name of one that comes with mesita, or a JSON file')
    .option('--list', 'the scenarios that come with mesita')
    .option('--seed <n>', 'the same seed is the same run', whole, 1)
    .option('--until <duration>', 'when it ends, in virtual time, e.g. 2d', time)
    .addOption(new Option('--role_sorter <sorter>', 'who comes first among roles').choices(sortings))
    .addOption(
      new Option('--framework_sorter <sorter>', 'who comes first among the frameworks of a role').choices(sortings),
    )
    .option('--svg <file>', 'plots shares and utilisation over time')
    .option('--json', 'for programs')
    .action((scenario: string | undefined, options: SimOptions) => sim(scenario, options));
}

function sim(name: string | undefined, options: SimOptions): void {
  if (options.list === true || name === undefined) {
    const rows = knownScenarios().map((known) => [known.name, known.about]);
    process.stdout.write(renderTable(['SCENARIO', 'WHAT IT SHOWS'], rows));
    return;
  }
  const outcome = simulate(changed(loadScenario(name), options), options.seed);
  if (options.svg !== undefined) write(options.svg, plot(outcome));
  process.stdout.write(options.json === true ? reportJson(outcome) : report(outcome));
}

/** With what the command line says otherwise. */
function changed(scenario: Scenario, { until, role_sorter, framework_sorter }: SimOptions): Scenario {
  const { master } = scenario;
  return {
    ...scenario,
    until: until ?? scenario.until,
    master: {
      ...master,
      roleSorter: role_sorter ?? master.roleSorter,
      frameworkSorter: framework_sorter ?? master.frameworkSorter,
    },
  };
}

function write(file: string, content: string): void {
  try {
    writeFileSync(file, content);
  } catch (cause) {
    throw new MesitaError('MESITA_FLAG_INVALID', { message: `--svg=${file}: ${describeError(cause)}`, cause });
  }
}
