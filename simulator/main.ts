import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Allocator } from '../master/allocator/allocator.ts';
import { HierarchicalAllocator } from '../master/allocator/hierarchical-allocator.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { type Outcome, run } from './run.ts';
import type { MasterScenario, Scenario } from './scenario.ts';
import { readScenario } from './scenario-reader.ts';
import { Simulation } from './simulation.ts';

const library = join(import.meta.dirname, 'scenarios');

/** The scenarios that come with mesita. */
export function knownScenarios(): Scenario[] {
  return readdirSync(library)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => loadScenario(join(library, name)));
}

/** A scenario by the name of one that comes with mesita, or from a file. Throws MESITA_SCENARIO_INVALID. */
export function loadScenario(nameOrFile: string): Scenario {
  const isName = /^[a-z0-9-]+$/.test(nameOrFile);
  const file = isName ? join(library, `${nameOrFile}.json`) : nameOrFile;
  const read = readScenario(parse(nameOrFile, text(nameOrFile, file)));
  if ('error' in read) throw invalid(`${basename(file)}: ${read.error}`);
  return read.value;
}

function text(nameOrFile: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const names = readdirSync(library).map((name) => name.replace('.json', ''));
    throw invalid(
      `There is no scenario ${nameOrFile} (${describeError(cause)}); name a file, or one of ${names.sort().join(', ')}`,
      cause,
    );
  }
}

function parse(name: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw invalid(`${name} is no JSON: ${describeError(cause)}`, cause);
  }
}

function invalid(message: string, cause?: unknown): MesitaError {
  return new MesitaError('MESITA_SCENARIO_INVALID', { message, ...(cause === undefined ? {} : { cause }) });
}

/** The master's allocator, as flags of the scenario's would make it. */
export function allocatorFor({ roleSorter, frameworkSorter }: MasterScenario): Allocator {
  return new HierarchicalAllocator({ roleSorter, frameworkSorter });
}

/** Runs a scenario from its beginning to its end. */
export function simulate(scenario: Scenario, seed: number): Outcome {
  return run(new Simulation({ scenario, seed, allocator: () => allocatorFor(scenario.master) }), seed);
}
