#!/usr/bin/env node
import { describeError, MesitaError } from '../protocol/errors.ts';
import { parseFlags } from '../runtime/flags.ts';
import { createLog } from '../runtime/log.ts';
import { readEnvironment } from './environment.ts';
import { executorFlags } from './flags.ts';
import { becomeChildOfReaper } from './orphan-reaper.ts';
import { ProcessExecutor } from './process-executor.ts';

/** mesita-executor: runs each task's command as a process; an agent starts it. docs/executors.md tells how to ship it. */

becomeChildOfReaper();
try {
  const flags = parseFlags(executorFlags, process.argv.slice(2), process.env);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  const executor = new ProcessExecutor({
    environment: readEnvironment(process.env),
    variables: process.env,
    log: createLog({ level: flags.logging_level, format: 'text', name: 'executor' }),
    usageInterval: flags.usage_interval,
    idleTimeout: flags.idle_timeout,
  });
  await executor.run(stop.signal);
} catch (error) {
  const [code, remedy] = error instanceof MesitaError ? [error.code, error.remedy] : ['MESITA_INTERNAL', ''];
  process.stderr.write(`mesita-executor: ${describeError(error)} (${code})\n${remedy === '' ? '' : `  ${remedy}\n`}`);
  process.exitCode = 1;
}
