import { describeError, MesitaError } from '../protocol/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Engine, EngineFacts } from './engine/engine.ts';

/** What runs the tasks of an agent. */
export type Containerizer = 'docker' | 'process';

export interface ChosenEngine {
  kind: Containerizer;
  engine: Engine;
  facts: EngineFacts;
}

export interface EngineChoice {
  /** What `--containerizers` lists. */
  containerizers: readonly Containerizer[];
  /** A new engine object, not connected. */
  open: Record<Containerizer, () => Engine>;
  /** Whether CPU limits are wanted. */
  cpuQuota: boolean;
  log: Log;
  signal: AbortSignal;
}

/**
 * Connects to what is to run the tasks: containers where they are listed and an engine answers, else host processes where they are. Removes the host
 * processes that an earlier run of this very agent has left, where it now runs containers. Throws MESITA_ENGINE_UNREACHABLE.
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const chosen = await connectFirst(choice);
  const { log } = choice;
  // It may have been started without Docker.
  if (chosen.kind === 'docker' && choice.containerizers.includes('process')) {
    const other = choice.open.process();
    await other.connect(choice.signal);
    await removeOrphans(other, log);
    await other.close();
  }
  if (choice.cpuQuota && !chosen.facts.enforces.cpuQuota) {
    log.warn({ engine: chosen.kind }, 'CPU limits are not enforced here: a task may use more than it was given');
  }
  return chosen;
}

async function connectFirst({ containerizers, open, log, signal }: EngineChoice): Promise<ChosenEngine> {
  const connect = async (kind: Containerizer): Promise<ChosenEngine> => {
    const engine = open[kind]();
    try {
      return { kind, engine, facts: await engine.connect(signal) };
    } catch (error) {
      await engine.close();
      throw error;
    }
  };
  if (!containerizers.includes('docker')) return connect('process');
  try {
    return await connect('docker');
  } catch (error) {
    const absent = error instanceof MesitaError && error.code === 'MESITA_ENGINE_UNREACHABLE';
    if (!absent || !containerizers.includes('process')) throw error;
    log.warn(
      { reason: describeError(error) },
      'no Docker engine: tasks run as host processes, those with images not at all',
    );
    return connect('process');
  }
}

/** Containers that nobody waits for any more. */
async function removeOrphans(engine: Engine, log: Log): Promise<void> {
  for (const { name } of await engine.list()) {
    log.warn({ container: name }, 'removing a container that an earlier run of this agent left');
    await engine.remove(name);
  }
}
