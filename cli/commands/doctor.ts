import { styleText } from 'node:util';
import type { Command } from 'commander';
import { examine, type Finding, type Verdict } from '../setup/checkup.ts';
import { interruptible } from '../setup/interruption.ts';
import { gatherMachineFacts } from '../setup/machine-facts.ts';
import { machineOptions } from './setup.ts';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check the machine: engine, limits, clock, ports, disk; exits with 1 when something has to be mended')
    .option('-o, --output <format>', 'json, for programs')
    .action((options: { output?: string }) => interruptible((signal) => examineMachine(options.output, signal)));
}

async function examineMachine(output: string | undefined, signal: AbortSignal): Promise<void> {
  const tools = machineOptions(signal);
  const facts = await tools.progress.during('Examining the machine', () => gatherMachineFacts(tools));
  const findings = examine(facts);
  const text = output === 'json' ? JSON.stringify(findings, undefined, 2) : findings.map(describeFinding).join('\n');
  process.stdout.write(`${text}\n`);
  if (findings.some(({ verdict }) => verdict === 'problem')) process.exitCode = 1;
}

const colours = { ok: 'green', warning: 'yellow', problem: 'red' } as const satisfies Record<Verdict, string>;

function describeFinding({ check, verdict, finding, remedy }: Finding): string {
  // styleText leaves colours out where stdout is no terminal, and heeds NO_COLOR.
  const mark = styleText(colours[verdict], verdict.padEnd(7), { stream: process.stdout });
  const advice = remedy === undefined ? '' : `\n         ${' '.repeat(16)}${remedy}`;
  return `${mark}  ${check.padEnd(16)}${finding}${advice}`;
}
