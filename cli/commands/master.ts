import type { Command } from 'commander';
import { masterFlags } from '../../master/flags.ts';
import { startMaster } from '../../master/main.ts';
import { describeFlags, parseFlags } from '../../runtime/flags.ts';
import { createLog } from '../../runtime/log.ts';
import { runDaemon } from '../daemon.ts';

export function registerMaster(program: Command): void {
  program
    .command('master')
    .description('run a master in the foreground')
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .action(async (_options, command: Command) => {
      if (command.args.includes('--help') || command.args.includes('-h')) {
        process.stdout.write(`Usage: mesita master [flags]\n\n${describeFlags(masterFlags)}`);
        return;
      }
      const flags = parseFlags(masterFlags, command.args, process.env);
      const log = createLog({
        level: flags.quiet ? 'warn' : flags.log_level,
        format: flags.log_format,
        name: 'master',
      });
      await runDaemon(log, ['SIGINT', 'SIGTERM'], (shutdown) => startMaster({ flags, log, shutdown }));
    });
}
