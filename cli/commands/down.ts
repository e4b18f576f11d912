import type { Command } from 'commander';
import { MesitaError } from '../../protocol/errors.ts';
import { clusterPlace, defaultCluster, stopCluster } from '../setup/cluster.ts';
import { findCompose } from '../setup/compose.ts';
import { findDocker } from '../setup/docker-client.ts';
import { interruptible } from '../setup/interruption.ts';
import { machineOptions } from './setup.ts';

export function registerDown(program: Command): void {
  program
    .command('down')
    .description('stop the cluster that `up` started, and remove all that it made but the images')
    .option('--name <name>', 'name of the cluster, where there are several', defaultCluster)
    .action((options: { name: string }) => interruptible((signal) => down(options.name, signal)));
}

async function down(name: string, signal: AbortSignal): Promise<void> {
  const tools = machineOptions(signal);
  const search = await findDocker(tools.run, tools.environment, signal);
  if (!('found' in search)) {
    throw new MesitaError('MESITA_ENGINE_UNREACHABLE', {
      message: 'No Docker engine answers, so no cluster can be stopped',
    });
  }
  const compose = await findCompose(tools.run, search.found, signal);
  if (compose === undefined) {
    throw new MesitaError('MESITA_COMPOSE_FAILED', {
      message: 'Neither `docker compose` nor docker-compose is installed',
    });
  }
  const place = clusterPlace(name, tools.checkout, tools.environment);
  await stopCluster({ docker: search.found, compose }, { ...tools, ...place });
}
