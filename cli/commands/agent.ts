import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { describeFlags, parseFlags } from '../../runtime/flags.ts';
import { runDaemon, withLog } from '../daemon.ts';

/** `mesita agent`: until SIGINT or SIGTERM, which leave its tasks to the next start, or SIGUSR1, which ends them. */
export async function runAgent(args: string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`Usage: mesita agent --master=HOST:PORT [flags]\n\n${describeFlags(agentFlags)}`);
    return;
  }
  const flags = parseFlags(agentFlags, args, process.env);
  let leavesTasks = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (leavesTasks = true));
  await withLog('agent', flags, (log) =>
    runDaemon(log, ['SIGINT', 'SIGTERM', 'SIGUSR1'], (shutdown) =>
      startAgent({ flags, log, shutdown, leavesTasks: () => leavesTasks }),
    ),
  );
}
