import { describeError, MesitaError } from '../protocol/errors.ts';
import { reportError } from './format/error.ts';

/** The daemons take flags of Mesos' form and run for ever: they do without the command line's parser, and its memory. */
const daemons: Record<string, () => Promise<(args: string[]) => Promise<void>>> = {
  master: async () => (await import('./commands/master.ts')).runMaster,
  agent: async () => (await import('./commands/agent.ts')).runAgent,
};

async function main(args: string[]): Promise<void> {
  const daemon = daemons[args[0] ?? ''];
  if (daemon !== undefined) return (await daemon())(args.slice(1));
  const { runCommandLine } = await import('./command-line.ts');
  await runCommandLine(args);
}

const usageCodes = new Set(['MESITA_FLAG_UNKNOWN', 'MESITA_FLAG_INVALID']);

/**
 * The reader of what we print has gone, as in `mesita logs x | head`: the rest of the work is for nobody. It is interrupted as
 * by a closed terminal, so that it cleans up. Who reads our talk or log is not needed for anything.
 */
function outliveReaders(): void {
  const brokenPipe = 141;
  process.stderr.on('error', () => undefined);
  process.stdout.once('error', () => {
    process.stdout.on('error', () => undefined);
    if (!process.emit('SIGHUP', 'SIGHUP')) process.exit(brokenPipe);
  });
}

try {
  outliveReaders();
  await main(process.argv.slice(2));
} catch (error) {
  if (process.env['MESITA_DEBUG'] !== undefined) console.error(error);
  const known =
    error instanceof MesitaError
      ? error
      : new MesitaError('MESITA_INTERNAL', { message: describeError(error), cause: error });
  reportError(known);
  process.exitCode = usageCodes.has(known.code) ? 2 : 1;
}
