import { masterFlags } from '../../master/flags.ts';
import { startMaster } from '../../master/main.ts';
import { describeFlags, parseFlags } from '../../runtime/flags.ts';
import { runDaemon, withLog } from '../daemon.ts';

/** `mesita master`: until SIGINT or SIGTERM. */
export async function runMaster(args: string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`Usage: mesita master [flags]\n\n${describeFlags(masterFlags)}`);
    return;
  }
  const flags = parseFlags(masterFlags, args, process.env);
  await withLog('master', flags, (log) =>
    runDaemon(log, ['SIGINT', 'SIGTERM'], (shutdown) => startMaster({ flags, log, shutdown })),
  );
}
