import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { describeFlags, parseFlags } from '../../runtime/flags.ts';
import { runDaemon, withLog } from '../daemon.ts';

/** `mesita agent`: until SIGINT, SIGTERM, or SIGUSR1, which in Mesos means to end its tasks and leave. */
export async function runAgent(args: string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`Usage: mesita agent --master=HOST:PORT [flags]\n\n${describeFlags(agentFlags)}`);
    return;
  }
  const flags = parseFlags(agentFlags, args, process.env);
  await withLog('agent', flags, (log) =>
    runDaemon(log, ['SIGINT', 'SIGTERM', 'SIGUSR1'], (shutdown) => startAgent({ flags, log, shutdown })),
  );
}
