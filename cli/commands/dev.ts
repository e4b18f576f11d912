import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { masterFlags } from '../../master/flags.ts';
import { startMaster } from '../../master/main.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { createLog } from '../../runtime/log.ts';
import type { Shutdown } from '../../runtime/shutdown.ts';
import { runDaemon } from '../daemon.ts';
import { interruptible } from '../setup/interruption.ts';
import { prepareEngine } from '../setup/machine.ts';
import { machineOptions } from './setup.ts';
import { wholeNumber } from './up.ts';

interface DevOptions {
  port: number;
  agentPort: number;
  resources?: string;
  workDir?: string;
  dockerSocket: string;
  defaultImage: string;
  setup: boolean;
}

export function registerDev(program: Command): void {
  program
    .command('dev')
    .description('run a master and an agent in this very process; Ctrl-C ends both and all tasks')
    .option('--port <port>', 'the master’s port', wholeNumber(0, 65535), 5050)
    .option('--agent-port <port>', 'the agent’s port', wholeNumber(0, 65535), 5051)
    .option('--resources <list>', 'what to offer, e.g. cpus:4;mem:2048')
    .option('--work-dir <directory>', 'keep sandboxes there, instead of in a directory that goes with the process')
    .addOption(new Option('--docker-socket <path>').default('/var/run/docker.sock').env('MESITA_DOCKER_SOCKET'))
    .option('--default-image <image>', 'the image of tasks that name none', 'mesita/task:latest')
    .option('--no-setup', 'do not install an engine or build the task image')
    .action(dev);
}

async function dev(options: DevOptions): Promise<void> {
  if (options.setup) {
    await interruptible(async (signal) => void (await prepareEngine(machineOptions(signal))));
    if (process.exitCode !== undefined && process.exitCode !== 0) return;
  }
  const log = createLog({ level: 'info', format: 'text', name: 'mesita' });
  await runDaemon(log, ['SIGINT', 'SIGTERM'], async (shutdown) => {
    const directory = options.workDir ?? (await temporaryDirectory(shutdown));
    const masterArguments = [`--port=${options.port}`, `--work_dir=${join(directory, 'master')}`];
    const master = await startMaster({ flags: parseFlags(masterFlags, masterArguments, {}), log, shutdown });
    const agentArguments = [
      `--master=${master.address}`,
      `--port=${options.agentPort}`,
      `--work_dir=${join(directory, 'agent')}`,
      `--docker_socket=${options.dockerSocket}`,
      `--default_image=${options.defaultImage}`,
      ...(options.resources === undefined ? [] : [`--resources=${options.resources}`]),
    ];
    const agent = await startAgent({ flags: parseFlags(agentFlags, agentArguments, {}), log, shutdown });
    await agent.registered;
    process.stderr.write(
      `\nReady. In another terminal: ./mesita run -m ${master.address} mesita/task -- echo hello\n\n`,
    );
  });
}

async function temporaryDirectory(shutdown: Shutdown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-dev-'));
  shutdown.register('work directory', () => rm(directory, { recursive: true, force: true }));
  return directory;
}
