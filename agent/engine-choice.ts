import { describeError, MesitaError } from '../protocol/errors.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
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
  /** What runs the tasks that an earlier run of this agent left, if there was one. */
  before: Containerizer | undefined;
  /** A new engine object, not connected. */
  open: Record<Containerizer, () => Engine>;
  /** Whether CPU limits are wanted. */
  cpuQuota: boolean;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

const retryMs = 1000;

/**
 * Connects to what is to run the tasks: to what ran them before, for as long as that takes; else containers where they are listed and an engine
 * answers, or host processes where they are. Removes the host processes that an earlier run of this very agent has left, where it now runs
 * containers. Throws MESITA_ENGINE_UNREACHABLE; the signal's reason when it aborts.
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const { log, before, containerizers } = choice;
  const isBound = before !== undefined && containerizers.includes(before);
  const chosen = isBound ? await connectAgain(before, choice) : await connectFirst(choice);
  if (!chosen.facts.survives)
    log.info('tasks end when the Docker engine restarts; with "live-restore": true in its daemon.json they go on');
  // It may have been started without Docker.
  if (chosen.kind === 'docker' && !isBound && containerizers.includes('process')) {
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

/** What runs is nobody else's to look after, and goes on while its engine is away. */
async function connectAgain(kind: Containerizer, choice: EngineChoice): Promise<ChosenEngine> {
  const { clock, log, signal } = choice;
  for (let tries = 0; ; tries++) {
    try {
      return await connect(kind, choice);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      if (tries === 0)
        log.warn({ reason: describeError(error) }, 'waiting for the engine that runs the tasks of this agent');
      await sleep(clock, retryMs, signal);
      signal.throwIfAborted();
    }
  }
}

async function connectFirst(choice: EngineChoice): Promise<ChosenEngine> {
  const { containerizers, log } = choice;
  if (!containerizers.includes('docker')) return connect('process', choice);
  try {
    return await connect('docker', choice);
  } catch (error) {
    if (!isAbsent(error) || !containerizers.includes('process')) throw error;
    log.warn(
      { reason: describeError(error) },
      'no Docker engine: tasks run as host processes, those with images not at all',
    );
    return connect('process', choice);
  }
}

async function connect(kind: Containerizer, { open, signal }: EngineChoice): Promise<ChosenEngine> {
  const engine = open[kind]();
  try {
    return { kind, engine, facts: await engine.connect(signal) };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof MesitaError && error.code === 'MESITA_ENGINE_UNREACHABLE';
}

/** Containers that nobody waits for any more. */
async function removeOrphans(engine: Engine, log: Log): Promise<void> {
  for (const { name } of await engine.list()) {
    log.warn({ container: name }, 'removing a container that an earlier run of this agent left');
    await engine.remove(name);
  }
}
