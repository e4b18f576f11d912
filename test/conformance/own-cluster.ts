import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentFlags } from '../../agent/flags.ts';
import { startAgent } from '../../agent/main.ts';
import type { Clock } from '../../runtime/clock.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { MasterRoom } from '../support/master-room.ts';
import type { Subject } from './replay.ts';
import { ScriptedEngine } from './scripted-engine.ts';

/** The agent of the recordings. */
const recordedAgent = [
  '--resources=cpus:2;mem:2048;disk:10000;ports:[31000-31099]',
  '--attributes=rack:r1;level:3;zone:a-b',
  '--default_image=default:1',
  '--registration_backoff_factor=100ms',
];

/** A master and an agent in this process, in time that runs `speed` times faster; the agent's containers are faked. */
export class OwnCluster implements Subject {
  readonly speed: number;
  readonly #room: MasterRoom;
  readonly #clock: Clock;
  #agent: { address: string; directory: string; shutdown: Shutdown } | undefined;

  private constructor(room: MasterRoom, clock: Clock, speed: number) {
    this.#room = room;
    this.#clock = clock;
    this.speed = speed;
  }

  static async start(speed: number): Promise<OwnCluster> {
    const clock = fastClock(speed);
    const cluster = new OwnCluster(await MasterRoom.open([], clock), clock, speed);
    try {
      await cluster.startAgent();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get addresses(): { master: string; agent: string | undefined } {
    return { master: this.#room.master.address, agent: this.#agent?.address };
  }

  async startAgent(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-conformance-'));
    const shutdown = new Shutdown(silentLog);
    const own = [`--master=${this.#room.master.address}`, '--port=0', `--work_dir=${directory}`];
    const flags = parseFlags(agentFlags, [...own, ...recordedAgent], {});
    const engine = new ScriptedEngine(this.#clock);
    const agent = await startAgent({ flags, log: silentLog, shutdown, clock: this.#clock, engine });
    this.#agent = { address: agent.address, directory, shutdown };
    await agent.registered;
  }

  async stopAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.shutdown.stop();
    if (agent !== undefined) await rm(agent.directory, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.stopAgent();
    await this.#room.close();
  }
}

function fastClock(speed: number): Clock {
  const start = Date.now();
  return {
    now: () => Math.floor(start + (Date.now() - start) * speed),
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, Math.min(Math.max(milliseconds, 0) / speed, 2 ** 31 - 1));
      return () => clearTimeout(timer);
    },
  };
}
