import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runDaemon } from '../../../cli/daemon.ts';
import { silentLog } from '../../../runtime/log.ts';
import type { Shutdown } from '../../../runtime/shutdown.ts';

// One that does nothing to a process that does not listen.
const signal = 'SIGWINCH';

/** Runs until a signal comes, as soon as it waits. */
async function runUntilSignal(start: (shutdown: Shutdown) => Promise<unknown>): Promise<void> {
  await runDaemon(silentLog, [signal], (shutdown) => {
    setImmediate(() => process.kill(process.pid, signal));
    return start(shutdown);
  });
}

const aborted = (shutdown: Shutdown) =>
  new Promise<never>((_, reject) => {
    shutdown.signal.addEventListener('abort', () => reject(shutdown.signal.reason));
  });

describe('a daemon', () => {
  test('that is told to stop stops all that it has started, in the reverse order', async () => {
    const stopped: string[] = [];
    await runUntilSignal(async (shutdown) => {
      for (const name of ['first', 'second']) shutdown.register(name, () => void stopped.push(name));
    });
    assert.deepEqual(stopped, ['second', 'first']);
    assert.equal(process.listenerCount(signal), 0);
  });

  test('that is told to stop while it starts has not failed', async () => {
    const stopped: string[] = [];
    await runUntilSignal(async (shutdown) => {
      shutdown.register('first', () => void stopped.push('first'));
      await aborted(shutdown);
    });
    assert.deepEqual(stopped, ['first']);
  });

  test('that cannot start fails, also when it is told to stop meanwhile', async () => {
    await assert.rejects(
      runDaemon(silentLog, [signal], () => Promise.reject(new Error('no disk'))),
      /no disk/,
    );
    await assert.rejects(
      runUntilSignal((shutdown) => aborted(shutdown).catch(() => Promise.reject(new Error('no disk')))),
      /no disk/,
    );
  });
});
