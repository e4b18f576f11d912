import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { masterFlags } from '../../master/flags.ts';
import type { Leader } from '../../master/http/leader-redirect.ts';
import { type MasterOptions, type RunningMaster, startMaster } from '../../master/main.ts';
import type { Clock } from '../../runtime/clock.ts';
import { parseFlags } from '../../runtime/flags.ts';
import { silentLog } from '../../runtime/log.ts';
import { Shutdown } from '../../runtime/shutdown.ts';
import { MasterClients } from './master-clients.ts';

export { type Answer, frameworkOf, type OpenStream } from './master-clients.ts';

type Start = (port: string) => Promise<[RunningMaster, Shutdown]>;
type Options = Omit<MasterOptions, 'flags' | 'log' | 'shutdown'>;

/** A master in this process on a free port, and clients of it. */
export class MasterRoom extends MasterClients {
  readonly directory: string;
  #master: RunningMaster;
  #shutdown: Shutdown;
  readonly #start: Start;

  private constructor(directory: string, start: Start, [master, shutdown]: [RunningMaster, Shutdown]) {
    super(master.address);
    this.directory = directory;
    this.#start = start;
    this.#master = master;
    this.#shutdown = shutdown;
  }

  static async open(
    flags: string[] = [],
    clock?: Clock,
    leader?: () => Leader,
    options: Options = {},
  ): Promise<MasterRoom> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-master-room-'));
    const start: Start = async (port) => {
      const shutdown = new Shutdown(silentLog);
      const values = parseFlags(masterFlags, [`--port=${port}`, `--work_dir=${directory}`, ...flags], {});
      const more = { ...options, ...(clock && { clock }), ...(leader && { leader }) };
      return [await startMaster({ flags: values, log: silentLog, shutdown, ...more }), shutdown];
    };
    return new MasterRoom(directory, start, await start('0'));
  }

  get master(): RunningMaster {
    return this.#master;
  }

  /** The master ends, and another begins on what it leaves. */
  async restart(): Promise<void> {
    await this.#shutdown.stop();
    [this.#master, this.#shutdown] = await this.#start(this.address.split(':')[1] ?? '');
  }

  /** The master stops as at SIGTERM, while its clients look on. */
  stop(): Promise<void> {
    return this.#shutdown.stop();
  }

  async close(): Promise<void> {
    await this.leave();
    await this.#shutdown.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}
