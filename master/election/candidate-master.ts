import { describeError, MesitaError } from '../../protocol/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Shutdown } from '../../runtime/shutdown.ts';
import { type Access, creatorsAccess, openAccess } from '../../runtime/zookeeper/operations.ts';
import type { ZooKeeperSession } from '../../runtime/zookeeper/session.ts';
import type { ZooKeeperUrl } from '../../runtime/zookeeper/zookeeper-url.ts';
import type { Leader } from '../http/leader-redirect.ts';
import type { StandbyMaster } from '../main.ts';
import type { RegistryStore } from '../registry/registry-store.ts';
import { Candidacy, type Term } from './candidacy.ts';

export interface ElectionOptions {
  url: ZooKeeperUrl;
  /** Milliseconds */
  sessionTimeout: number;
  /** Kept with the session that leads, which there is from the election on. */
  registry(kept: { session: () => ZooKeeperSession; path: string; access: readonly Access[] }): RegistryStore;
  clock: Clock;
  log: Log;
  shutdown: Shutdown;
  giveUp(error: MesitaError): void;
}

/** Clients pass over this one name beside the candidates': pymesos takes any other for a candidate when there is no master. */
const registryPath = '/log_replicas/registry';

/** What a master is told of the election that it takes part in. */
export interface ElectionPart {
  leader(): Leader;
  holds(): boolean;
  store: RegistryStore;
}

/** Starts a master that stands by, and leads from its election on until its term is over: then it gives up. */
export async function standForElection(
  { url, sessionTimeout, registry, clock, log, shutdown, giveUp }: ElectionOptions,
  standBy: (part: ElectionPart) => Promise<StandbyMaster>,
): Promise<StandbyMaster> {
  let candidacy: Candidacy | undefined;
  let term: Term | undefined;
  // The lead is given up when all is written and said.
  shutdown.register('candidacy', () => candidacy?.close());
  const session = () => {
    if (term === undefined) throw new MesitaError('MESITA_LEADERSHIP_LOST', { message: 'This master is not elected' });
    return term.session;
  };
  const access = url.credentials === undefined ? openAccess : creatorsAccess;
  const master = await standBy({
    leader: () => candidacy?.leader,
    // Until it is elected it has nothing to say that only a leader may say.
    holds: () => term?.holds() ?? true,
    store: registry({ session, path: `${url.path}${registryPath}`, access }),
  });
  const { address, id } = master.state.master;
  log.info({ id, address: `${address?.ip}:${address?.port}` }, 'master stands by');
  const monotonic = () => performance.now();
  const info = master.state.master;
  candidacy = new Candidacy({ url, sessionTimeout, info, clock, monotonic, random: Math.random, log });
  void candidacy.elected.then(async (elected) => {
    term = elected;
    elected.over.addEventListener('abort', () => giveUp(elected.over.reason));
    try {
      if (!shutdown.signal.aborted) await master.lead(shutdown.signal);
    } catch (error) {
      if (!shutdown.signal.aborted) giveUp(error instanceof MesitaError ? error : unforeseen(error));
    }
  });
  return master;
}

function unforeseen(cause: unknown): MesitaError {
  return new MesitaError('MESITA_INTERNAL', { message: `The master cannot lead: ${describeError(cause)}`, cause });
}
