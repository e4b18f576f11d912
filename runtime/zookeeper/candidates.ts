import type { MasterInfo } from '../../protocol/messages.ts';
import { type Clock, sleep } from '../clock.ts';
import type { ZooKeeperSession } from './session.ts';

/** A master that stands for election, as its node tells. */
export interface Candidate {
  /** Of the node, without its path. */
  readonly name: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
}

/** What the nodes of candidates are called, before the number that ZooKeeper gives them. */
export const candidatePrefix = 'json.info_';

const betweenLooksMs = 1_000;

/**
 * Tells who leads whenever something about the candidates has changed: the lowest number does. `names` are all of them. Until the session is over; throws
 * ZooKeeperError.
 */
export async function watchCandidates(
  session: ZooKeeperSession,
  path: string,
  clock: Clock,
  tell: (leader: Candidate | undefined, names: readonly string[]) => void,
): Promise<void> {
  let leader: Candidate | undefined;
  while (!session.over.aborted) {
    const changed = new AbortController();
    const children = await session.children(path, () => changed.abort());
    const names = candidatesOf(children ?? []);
    const [lowest] = names;
    if (leader?.name !== lowest) {
      const node = lowest === undefined ? undefined : await session.get(`${path}/${lowest}`);
      // It has gone since.
      if (lowest !== undefined && node === undefined) continue;
      leader = lowest === undefined || node === undefined ? undefined : readCandidate(lowest, node.data);
    }
    if (session.over.aborted) return;
    tell(leader, names);
    const signal = AbortSignal.any([changed.signal, session.over]);
    // Where there is no path yet there is nothing to watch.
    if (children === undefined) await sleep(clock, betweenLooksMs, signal);
    else
      await new Promise<void>((resolve) =>
        signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve()),
      );
  }
}

/** The names of candidates among the children of the path, the leader's first. */
export function candidatesOf(children: readonly string[]): string[] {
  const numbered = children.flatMap((name) => {
    const number = /^json\.info_(-?\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [{ name, number: Number(number) }];
  });
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => name);
}

/** Undefined where the node does not say where the master is. */
export function readCandidate(name: string, data: Buffer): Candidate | undefined {
  try {
    const { address, ip, port, hostname } = JSON.parse(data.toString()) as MasterInfo;
    const host = address?.ip ?? textOfIp(ip);
    return { name, hostname: address?.hostname ?? hostname ?? host, ip: host, port: address?.port ?? port };
  } catch {
    return undefined;
  }
}

/** What a master's node says: its MasterInfo, by name as Mesos writes it. */
export function describeCandidate(info: MasterInfo): Buffer {
  const sorted = Object.entries(info).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify(Object.fromEntries(sorted)));
}

/** As MasterInfo.ip has it: the first byte is the lowest. */
function textOfIp(ip: number): string {
  return [0, 8, 16, 24].map((shift) => (ip >>> shift) & 0xff).join('.');
}
