import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Offer, TaskInfo, TaskStatus } from '../protocol/messages.ts';
import { isTerminal } from '../protocol/task-state.ts';
import { SchedulerDriver, timesFitting } from '../scheduler/index.ts';

const launcher = resolve(import.meta.dirname, '../mesita');

/** A master and an agent as processes of their own, as they run in production; all goes with `stop`. */
export class BenchCluster {
  readonly master: string;
  readonly masterProcess: ChildProcess;
  #agentProcess: ChildProcess;
  readonly #agentArguments: readonly string[];
  readonly #directory: string;

  private constructor(
    master: string,
    masterProcess: ChildProcess,
    agent: { process: ChildProcess; arguments: readonly string[] },
    directory: string,
  ) {
    this.master = master;
    this.masterProcess = masterProcess;
    this.#agentProcess = agent.process;
    this.#agentArguments = agent.arguments;
    this.#directory = directory;
  }

  get agentProcess(): ChildProcess {
    return this.#agentProcess;
  }

  /** Kills the agent and starts another one on what it left. Resolves when that is registered, with the milliseconds since its start. */
  async restartAgent(): Promise<number> {
    const ended = new Promise((done) => this.#agentProcess.once('exit', done));
    this.#agentProcess.kill('SIGKILL');
    await ended;
    const began = performance.now();
    [this.#agentProcess] = await daemon(this.#agentArguments, /registered with the (master)/);
    return performance.now() - began;
  }

  static async start(agentFlags: string[] = []): Promise<BenchCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-bench-'));
    const [masterProcess, master] = await daemon(
      ['master', '--port=0', `--work_dir=${directory}/master`],
      /master is up.*address=(\S+)/,
    );
    const agentArguments = ['agent', `--master=${master}`, '--port=0', `--work_dir=${directory}/agent`, ...agentFlags];
    const [agentProcess] = await daemon(agentArguments, /registered with the (master)/);
    return new BenchCluster(
      master ?? '',
      masterProcess,
      { process: agentProcess, arguments: agentArguments },
      directory,
    );
  }

  async stop(): Promise<void> {
    for (const child of [this.agentProcess, this.masterProcess]) {
      const ended = new Promise((done) => child.once('exit', done));
      // Its tasks end with the agent.
      child.kill(child === this.agentProcess ? 'SIGUSR1' : 'SIGTERM');
      await ended;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function daemon(args: readonly string[], ready: RegExp): Promise<[ChildProcess, string]> {
  const child = spawn(launcher, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const found = await new Promise<string>((done, fail) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const match = ready.exec(text);
      if (match !== null) done(match[1] ?? '');
    });
    child.once('exit', (code) => fail(new Error(`mesita ${args[0]} ended with ${code}: ${text}`)));
  });
  return [child, found];
}

/** What one task went through: milliseconds of `performance.now()`. */
export interface TaskTimes {
  accepted: number;
  running: number | undefined;
  over: number | undefined;
}

/** A framework that launches batches of equal tasks and notes when it hears what. */
export class BenchFramework {
  readonly #driver: SchedulerDriver;
  readonly #done: Promise<void>;
  readonly #times = new Map<string, TaskTimes>();
  #waiting: { suits: (offer: Offer) => boolean; resolve: (offer: Offer) => void } | undefined;
  #heard: (() => void) | undefined;
  #failure: Error | undefined;
  #next = 0;

  constructor(master: string) {
    this.#driver = new SchedulerDriver({
      master,
      framework: { user: 'root', name: 'bench' },
      handlers: { offers: (offers) => this.#offers(offers), update: (status) => this.#update(status) },
    });
    this.#done = this.#driver.run();
  }

  /** Launches `count` tasks with one ACCEPT; resolves when all are over. */
  async launch(count: number, template: Omit<TaskInfo, 'agent_id' | 'task_id' | 'name'>): Promise<TaskTimes[]> {
    const { resources = [] } = template;
    // What has ended one by one may be offered in pieces.
    const offer = await this.#nextOffer((offer) => timesFitting(offer, resources, count) === count);
    const ids = Array.from({ length: count }, () => `bench-${this.#next++}`);
    const tasks = ids.map((id) => ({ ...template, name: id, task_id: { value: id }, agent_id: offer.agent_id }));
    const accepted = performance.now();
    for (const id of ids) this.#times.set(id, { accepted, running: undefined, over: undefined });
    await this.#driver.launch([offer], tasks, { refuse_seconds: 0 });
    await this.#until(() => ids.every((id) => this.#times.get(id)?.over !== undefined));
    return ids.flatMap((id) => this.#times.get(id) ?? []);
  }

  async stop(): Promise<void> {
    await this.#driver.teardown();
    await this.#done;
  }

  async #nextOffer(suits: (offer: Offer) => boolean): Promise<Offer> {
    const { promise, resolve: received } = Promise.withResolvers<Offer>();
    this.#waiting = { suits, resolve: received };
    // Nothing to revive before the subscription is open; the first offer comes by itself.
    await this.#driver.revive().catch(() => undefined);
    return promise;
  }

  async #offers(offers: Offer[]): Promise<void> {
    const suitable = offers.find((offer) => this.#waiting?.suits(offer));
    if (suitable !== undefined) {
      this.#waiting?.resolve(suitable);
      this.#waiting = undefined;
    }
    const others = offers.filter((offer) => offer !== suitable);
    // Whoever waits is to be offered it again, with what comes free besides.
    const refuse_seconds = this.#waiting === undefined ? 3600 : 0;
    if (others.length > 0) await this.#driver.decline(others, { refuse_seconds });
  }

  #update({ task_id, state, message }: TaskStatus): void {
    const times = this.#times.get(task_id.value);
    if (times === undefined) return;
    if (state === 'TASK_RUNNING') times.running ??= performance.now();
    if (!isTerminal(state)) return;
    if (state !== 'TASK_FINISHED') this.#failure = new Error(`${task_id.value}: ${state}: ${message}`);
    times.over = performance.now();
    this.#heard?.();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((heard) => {
        this.#heard = heard;
      });
    }
  }
}
