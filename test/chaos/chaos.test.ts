import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

const main = join(import.meta.dirname, 'main.ts');
// Milliseconds: it has to be interrupted while there is time to clean up.
const patience = 240_000;
/** The exit status of a run for which something is missing on this machine. */
const nothingRun = 2;

/** A short run with this seed; its exit status and all that it said. */
async function chaos(seed: string): Promise<{ code: number | null; said: string }> {
  const shape = ['--masters=3', '--docker-agents=1', '--process-agents=1'];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const run = spawn(process.execPath, [main, `--seed=${seed}`, '--faults=16', '--seconds=25', '--tasks=40', ...shape], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const late = setTimeout(() => run.kill('SIGTERM'), patience);
  const interrupted = () => run.kill('SIGTERM');
  process.on('SIGTERM', interrupted);
  const code = await new Promise<number | null>((over) => run.once('close', over));
  process.off('SIGTERM', interrupted);
  clearTimeout(late);
  return { code, said };
}

// In its sixteen faults every kind is there, and a kill of every sort of daemon.
for (const seed of ['786']) {
  it(`no task is lost, run twice or killed without a cause, whatever happens to the cluster (seed ${seed})`, async (test) => {
    const { code, said } = await chaos(seed);
    if (code === nothingRun) return test.skip(said.trim());
    assert.equal(code, 0, said);
  });
}
