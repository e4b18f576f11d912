import type { FlagValues } from '../runtime/flags.ts';
import { createLog, type Log } from '../runtime/log.ts';
import { LogFile } from '../runtime/log-file.ts';
import { logFileIn, type logFlags } from '../runtime/log-flags.ts';
import { Shutdown } from '../runtime/shutdown.ts';

/** Does something with the log that the flags ask for, and brings its file to an end. Throws MESITA_LOG_DIR_UNUSABLE. */
export async function withLog(
  name: 'master' | 'agent',
  flags: FlagValues<typeof logFlags>,
  run: (log: Log) => Promise<void>,
): Promise<void> {
  const { log_dir, log_level, log_format, quiet } = flags;
  const file = log_dir === undefined ? undefined : await LogFile.open(logFileIn(log_dir, name));
  try {
    await run(createLog({ level: log_level, format: log_format, name, quiet, file }));
  } finally {
    await file?.close();
  }
}

/** Runs a daemon until one of the signals, or until it stops by itself. A second signal ends the process at once. */
export async function runDaemon(
  log: Log,
  signals: NodeJS.Signals[],
  start: (shutdown: Shutdown) => Promise<unknown>,
): Promise<void> {
  const shutdown = new Shutdown(log);
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  shutdown.signal.addEventListener('abort', () => resolve());
  const stop = (signal: NodeJS.Signals) => {
    if (shutdown.signal.aborted) process.exit(130);
    log.info({ signal }, 'stopping');
    shutdown.stop().catch(() => undefined);
  };
  for (const signal of signals) process.on(signal, stop);
  try {
    await start(shutdown);
    await stopped;
  } catch (error) {
    // Told to stop before it was up.
    if (!shutdown.signal.aborted || error !== shutdown.signal.reason) throw error;
  } finally {
    await shutdown.stop();
    for (const signal of signals) process.off(signal, stop);
  }
}
