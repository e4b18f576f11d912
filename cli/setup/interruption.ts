/**
 * Does the work with a signal that Ctrl-C (or SIGTERM, SIGHUP) aborts. Interrupted work says so in one line and
 * leaves exit code 130; the work itself cleans up what it had begun. A second Ctrl-C ends the process at once.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nStopping … (again to stop at once)\n');
    controller.abort();
  };
  for (const name of signals) process.on(name, stop);
  try {
    await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}
