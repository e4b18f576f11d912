import { Command, CommanderError } from 'commander';
import { MesitaError } from '../protocol/errors.ts';
import { mesitaVersion } from '../runtime/version.ts';

type Register = (program: Command) => void;

/** A verb and the module that has it, loaded only when it is used. */
const verbs: Record<string, () => Promise<Register>> = {
  run: async () => (await import('./commands/run.ts')).registerRun,
  ps: async () => (await import('./commands/ps.ts')).registerPs,
  nodes: async () => (await import('./commands/nodes.ts')).registerNodes,
  why: async () => (await import('./commands/why.ts')).registerWhy,
  logs: async () => (await import('./commands/logs.ts')).registerLogs,
  exec: async () => (await import('./commands/exec.ts')).registerExec,
  kill: async () => (await import('./commands/kill.ts')).registerKill,
  drain: async () => (await import('./commands/drain.ts')).registerDrain,
  deactivate: async () => (await import('./commands/drain.ts')).registerDeactivate,
  reactivate: async () => (await import('./commands/drain.ts')).registerReactivate,
  quota: async () => (await import('./commands/quota.ts')).registerQuota,
  weights: async () => (await import('./commands/weights.ts')).registerWeights,
  sim: async () => (await import('./commands/sim.ts')).registerSim,
  demo: async () => (await import('./commands/demo.ts')).registerDemo,
  up: async () => (await import('./commands/up.ts')).registerUp,
  down: async () => (await import('./commands/down.ts')).registerDown,
  dev: async () => (await import('./commands/dev.ts')).registerDev,
  setup: async () => (await import('./commands/setup.ts')).registerSetup,
  doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
};

/** Runs a verb of the command line. Throws MESITA_FLAG_UNKNOWN and MESITA_FLAG_INVALID for what commander refuses. */
export async function runCommandLine(args: string[]): Promise<void> {
  const program = new Command('mesita')
    .description('A small cluster that speaks the Mesos v1 HTTP API and runs tasks in Docker containers.')
    .version(mesitaVersion)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nDaemons:\n  master   run a master in the foreground; --help has its flags\n  agent    run an agent in the foreground; --help has its flags',
    );
  const chosen = verbs[args[0] ?? ''];
  for (const load of chosen === undefined ? Object.values(verbs) : [chosen]) (await load())(program);
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ outputError: () => undefined });
  if (args.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error);
  }
}

function usageError(error: CommanderError): MesitaError {
  const code = /unknownOption|unknownCommand/.test(error.code) ? 'MESITA_FLAG_UNKNOWN' : 'MESITA_FLAG_INVALID';
  return new MesitaError(code, {
    message: error.message
      .replace(/^error: /, '')
      .replaceAll('\n', ' ')
      .trim(),
  });
}
