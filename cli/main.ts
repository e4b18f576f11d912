import { Command, CommanderError } from 'commander';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { mesitaVersion } from '../runtime/version.ts';
import { reportError } from './format/error.ts';

type Register = (program: Command) => void;

/** A verb and the module that has it, loaded only when it is used: a daemon must not hold what another verb needs. */
const verbs: Record<string, () => Promise<Register>> = {
  run: async () => (await import('./commands/run.ts')).registerRun,
  ps: async () => (await import('./commands/ps.ts')).registerPs,
  nodes: async () => (await import('./commands/nodes.ts')).registerNodes,
  logs: async () => (await import('./commands/logs.ts')).registerLogs,
  kill: async () => (await import('./commands/kill.ts')).registerKill,
  demo: async () => (await import('./commands/demo.ts')).registerDemo,
  up: async () => (await import('./commands/up.ts')).registerUp,
  down: async () => (await import('./commands/down.ts')).registerDown,
  dev: async () => (await import('./commands/dev.ts')).registerDev,
  setup: async () => (await import('./commands/setup.ts')).registerSetup,
  doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
  master: async () => (await import('./commands/master.ts')).registerMaster,
  agent: async () => (await import('./commands/agent.ts')).registerAgent,
};

async function main(args: string[]): Promise<void> {
  const program = new Command('mesita')
    .description('A small cluster that speaks the Mesos v1 HTTP API and runs tasks in Docker containers.')
    .version(mesitaVersion)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  const chosen = verbs[args[0] ?? ''];
  for (const load of chosen === undefined ? Object.values(verbs) : [chosen]) (await load())(program);
  for (const command of program.commands) command.exitOverride().configureOutput({ outputError: () => undefined });
  if (args.length === 0) {
    program.outputHelp();
    return;
  }
  await program.parseAsync(args, { from: 'user' });
}

/** Errors of the command line itself, which commander has found. */
function usageError(error: CommanderError): MesitaError {
  const code = /unknownOption|unknownCommand/.test(error.code) ? 'MESITA_FLAG_UNKNOWN' : 'MESITA_FLAG_INVALID';
  return new MesitaError(code, {
    message: error.message
      .replace(/^error: /, '')
      .replaceAll('\n', ' ')
      .trim(),
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) {
    if (error.exitCode !== 0) {
      reportError(usageError(error));
      process.exitCode = 2;
    }
  } else {
    if (!(error instanceof MesitaError) && process.env.MESITA_DEBUG !== undefined) console.error(error);
    reportError(
      error instanceof MesitaError
        ? error
        : new MesitaError('MESITA_INTERNAL', { message: describeError(error), cause: error }),
    );
    process.exitCode = 1;
  }
}
