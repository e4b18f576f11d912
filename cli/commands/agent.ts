import type { Command } from 'commander';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { describeFlags, parseFlags } from '../../runtime/flags.ts';
import { createLog } from '../../runtime/log.ts';
import { runDaemon } from '../daemon.ts';

export function registerAgent(program: Command): void {
  program
    .command('agent')
    .description('run an agent in the foreground')
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .action(async (_options, command: Command) => {
      if (command.args.includes('--help') || command.args.includes('-h')) {
        process.stdout.write(`Usage: mesita agent --master=HOST:PORT [flags]\n\n${describeFlags(agentFlags)}`);
        return;
      }
      const flags = parseFlags(agentFlags, command.args, process.env);
      const log = createLog({ level: flags.quiet ? 'warn' : flags.log_level, format: flags.log_format, name: 'agent' });
      await runDaemon(log, ['SIGINT', 'SIGTERM', 'SIGUSR1'], (shutdown) => startAgent({ flags, log, shutdown }));
    });
}
