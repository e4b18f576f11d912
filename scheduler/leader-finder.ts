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
