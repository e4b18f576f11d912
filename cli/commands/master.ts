import { masterFlags } from '../../master/flags.ts';
import { startMaster } from '../../master/main.ts';
import type { MesitaError } from '../../protocol/errors.ts';
import { describeFlags, parseFlags } from '../../runtime/flags.ts';
import { runDaemon, withLog } from '../daemon.ts';
import { reportError } from '../format/error.ts';

/** At once: an orderly end would still be heard by others. */
function giveUp(error: MesitaError): never {
  reportError(error);
  process.exit(1);
}

/** `mesita master`: until SIGINT or SIGTERM. */
export async function runMaster(args: string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`Usage: mesita master [flags]\n\n${describeFlags(masterFlags)}`);
    return;
  }
  const flags = parseFlags(masterFlags, args, process.env);
  await withLog('master', flags, (log) =>
    runDaemon(log, ['SIGINT', 'SIGTERM'], (shutdown) => startMaster({ flags, log, shutdown, giveUp })),
  );
}
