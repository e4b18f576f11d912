import type { Log } from '../runtime/log.ts';
import { Shutdown } from '../runtime/shutdown.ts';

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
  } finally {
    await shutdown.stop();
    for (const signal of signals) process.off(signal, stop);
  }
}
