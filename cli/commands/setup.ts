import { resolve } from 'node:path';
import type { Command } from 'commander';
import { runCommand } from '../setup/command.ts';
import { interruptible } from '../setup/interruption.ts';
import { type MachineOptions, prepareMachine } from '../setup/machine.ts';
import { createProgress } from '../setup/progress.ts';

/** What the set-up commands work with in production. */
export function machineOptions(signal: AbortSignal): MachineOptions {
  return {
    checkout: resolve(import.meta.dirname, '../..'),
    run: runCommand,
    progress: createProgress(process.stderr),
    environment: process.env,
    signal,
  };
}

export function registerSetup(program: Command): void {
  program
    .command('setup')
    .description('install what a cluster needs: a Docker engine and compose where they are missing, and the images')
    .action(() => interruptible(setUp));
}

async function setUp(signal: AbortSignal): Promise<void> {
  const { docker, compose, images } = await prepareMachine(machineOptions(signal));
  const lines = [
    `engine   ${docker.engineVersion} (API ${docker.apiVersion}, ${docker.architecture})`,
    `compose  ${compose.name} ${compose.version}`,
    ...images.map(({ name, megabytes }) => `image    ${name}, ${megabytes} MB`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
