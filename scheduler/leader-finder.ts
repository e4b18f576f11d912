import { readFileSync } from 'node:fs';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { KnownMasters, type LeaderSource, openLeaderSource } from '../runtime/leader-source.ts';
import { silentLog } from '../runtime/log.ts';

/**
 * A way of finding the leading master: the addresses to try, in order, each as host:port. Asked before each attempt to subscribe; redirects
 * from one of them to the leader are followed. It may wait for an election; what it throws ends `run()`.
 */
export type LeaderFinder = (signal: AbortSignal) => Promise<readonly string[]>;

/** One address, or all of a cluster's masters: whichever answers knows the leader. */
export function knownMasters(masters: string | readonly string[]): LeaderFinder {
  const addresses = typeof masters === 'string' ? [masters] : masters;
  return async () => addresses;
}

/** As Mesos' clients. */
const sessionTimeoutMs = 10_000;

/**
 * What an option that names the master stands for: `zk://…`, `file://…` (a file that holds one of the others), host:port of one or of several with commas between,
 * a list of them, or a function. Throws MESITA_FLAG_INVALID.
 */
export function leadersOf(
  master: string | readonly string[] | LeaderFinder,
  { clock, random }: { clock: Clock; random: () => number },
): LeaderSource {
  if (typeof master === 'function') return { find: master, watch: () => () => undefined, close: async () => undefined };
  if (typeof master !== 'string') return new KnownMasters(master);
  const text = master.startsWith('file://') ? readMaster(master.slice('file://'.length)) : master;
  return openLeaderSource(text, { sessionTimeout: sessionTimeoutMs, clock, random, log: silentLog });
}

/** What to throw for a search that took too long. */
export function noLeader({ problem }: LeaderSource): MesitaError {
  const reason = problem === undefined ? 'no master is elected, or ZooKeeper does not answer' : describeError(problem);
  return new MesitaError('MESITA_MASTER_UNREACHABLE', {
    message: `No leading master is found: ${reason}`,
    cause: problem,
  });
}

function readMaster(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const message = `The file ${path} does not tell where the master is: ${describeError(cause)}`;
    throw new MesitaError('MESITA_FLAG_INVALID', { message, cause });
  }
}
