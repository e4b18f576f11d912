import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { listen } from '../../runtime/http-server.ts';
import type { Log } from '../../runtime/log.ts';
import type { Shutdown } from '../../runtime/shutdown.ts';
import type { AgentState } from '../state.ts';
import { AgentMemory } from './agent-memory.ts';
import { everything } from './concerned.ts';
import { RunMemory, withoutRun } from './run-memory.ts';

/** Throws MESITA_WORK_DIR_UNUSABLE, and what AgentMemory does. */
export function openMemory(workDirectory: string, shutdown: Shutdown): AgentMemory {
  const directory = join(workDirectory, 'meta');
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    const message = `The work directory ${workDirectory} cannot be used: ${describeError(cause)}`;
    throw new MesitaError('MESITA_WORK_DIR_UNUSABLE', { message, cause });
  }
  const memory = new AgentMemory(directory);
  shutdown.register('memory', () => memory.close());
  return memory;
}

/** What an earlier run of the agent has written down of its runs, into an empty state. Throws MESITA_CHECKPOINT_INVALID where `strict` says so. */
export function restore(
  memory: AgentMemory,
  state: AgentState,
  { strict, log }: { strict: boolean; log: Log },
): RunMemory {
  const { written, problems, broken } = memory.restore(state);
  state.drain = memory.drain;
  if (problems.length > 0 && strict)
    throw new MesitaError('MESITA_CHECKPOINT_INVALID', {
      message: `What was written down of tasks and executors cannot be read: ${problems.join('; ')}`,
    });
  for (const problem of problems)
    log.error({ problem }, 'a task or executor of an earlier run of this agent is given up');
  // Else the next start finds them, too.
  memory.write(broken.flatMap(withoutRun)).catch(() => undefined);
  const { tasks, executors } = state;
  if (everything(state).length > 0)
    log.info({ tasks: tasks.size, executors: executors.size }, 'going on with what an earlier run of this agent left');
  return new RunMemory(state, written);
}

/** On the port of its last run, where any is good: executors look for it there. */
export async function listenAsBefore(
  server: Parameters<typeof listen>[0],
  flags: Parameters<typeof listen>[1],
  port: number | undefined,
): Promise<number> {
  if (flags.port !== 0 || port === undefined) return listen(server, flags);
  try {
    return await listen(server, { ...flags, port });
  } catch (error) {
    if (!(error instanceof MesitaError) || error.code !== 'MESITA_PORT_IN_USE') throw error;
    return listen(server, flags);
  }
}
