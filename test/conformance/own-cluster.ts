import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { MasterRoom } from '../support/master-room.ts';
import { BreakableLink } from './breakable-link.ts';
import type { Addresses } from './comparison.ts';
import { ElasticClock } from './elastic-clock.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import type { Deed, Session } from './sessions.ts';
import type { Subject } from './subject.ts';

/** The agent of the recordings. */
const recordedAgent = [
  '--resources=cpus:2;mem:2048;disk:10000;ports:[31000-31099]',
  '--attributes=rack:r1;level:3;zone:a-b',
  '--default_image=default:1',
  '--registration_backoff_factor=100ms',
  // One never registers, and no session waits a minute for it.
  '--executor_registration_timeout=1hrs',
];

/** A master and an agent in this process, in time that runs `speed` times faster; the agent's containers are faked. */
export class OwnCluster implements Subject {
  readonly speed: number;
  readonly clock: ElasticClock;
  readonly #room: MasterRoom;
  readonly #link: BreakableLink;
  readonly #session: Session;
  #agent:
    | { address: string; directory: string; shutdown: Shutdown; engine: ScriptedEngine; leaves: { tasks: boolean } }
    | undefined;

  private constructor(room: MasterRoom, link: BreakableLink, clock: ElasticClock, speed: number, session: Session) {
    this.#room = room;
    this.#link = link;
    this.clock = clock;
    this.speed = speed;
    this.#session = session;
  }

  static async start(session: Session, speed: number): Promise<OwnCluster> {
    const clock = new ElasticClock(speed);
    const room = await MasterRoom.open([`--registry=${session.registry ?? 'in_memory'}`], clock);
    const cluster = new OwnCluster(room, await BreakableLink.open(room.master.address), clock, speed, session);
    try {
      await cluster.#startAgent();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get addresses(): Addresses {
    return { master: this.#room.master.address, agent: this.#agent?.address };
  }

  async act(deed: Deed): Promise<void> {
    const [, executor] = /^end executor (.+)$/.exec(deed) ?? [];
    if (executor !== undefined) this.#agent?.engine.endExecutor(executor);
    switch (deed) {
      case 'stop agent':
        return this.#stopAgent();
      case 'start agent':
        await this.#stopAgent();
        return this.#startAgent();
      case 'kill agent':
        return this.#killAgent();
      case 'revive agent':
        return this.#reviveAgent();
      case 'restart master':
        this.#link.cut();
        return this.#room.restart();
      case 'cut link':
        return this.#link.cut();
      case 'mend link':
        return this.#link.mend();
    }
  }

  async close(): Promise<void> {
    await this.#stopAgent();
    await this.#link.close();
    await this.#room.close();
    this.clock.stop();
  }

  /** In a work directory of its own, so that it is a new one to the master. */
  async #startAgent(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-conformance-'));
    return this.#runAgent(directory, new ScriptedEngine(this.clock, this.#session.flaps));
  }

  /** Its containers run on. */
  async #killAgent(): Promise<void> {
    if (this.#agent !== undefined) this.#agent.leaves.tasks = true;
    await this.#agent?.shutdown.stop();
  }

  /** On what it left. */
  async #reviveAgent(): Promise<void> {
    if (this.#agent !== undefined) await this.#runAgent(this.#agent.directory, this.#agent.engine);
  }

  async #runAgent(directory: string, engine: ScriptedEngine): Promise<void> {
    const shutdown = new Shutdown(silentLog);
    const own = [`--master=${this.#link.address}`, '--port=0', `--work_dir=${directory}`];
    const flags = parseFlags(agentFlags, [...own, ...recordedAgent], {});
    const leaves = { tasks: false };
    const leavesTasks = () => leaves.tasks;
    const agent = await startAgent({ flags, log: silentLog, shutdown, clock: this.clock, engine, leavesTasks });
    this.#agent = { address: agent.address, directory, shutdown, engine, leaves };
    await agent.registered;
  }

  async #stopAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.shutdown.stop();
    if (agent !== undefined) await rm(agent.directory, { recursive: true, force: true });
  }
}
