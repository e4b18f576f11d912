import { describeError } from '../../protocol/errors.ts';
import type { Offer, TaskStatus } from '../../protocol/messages.ts';
import { type Clock, sleep, systemClock } from '../../runtime/clock.ts';
import { isTerminal, SchedulerDriver } from '../../scheduler/index.ts';
import { isToldByAgents } from './checker.ts';
import { Journal, moment } from './journal.ts';
import { launchOf } from './launches.ts';
import { demandOf, type TaskPlan, type Unit } from './workload.ts';

export interface SchedulerRoom {
  masters: string[];
  journal: string;
  ledger: string;
  image: string;
  units: Unit[];
}

const betweenLooksMs = 200;
const betweenReconciliationsMs = 3000;
const betweenKillsMs = 3000;
/** Milliseconds: a launch may be on its way for so long. */
const launchPatienceMs = 3000;

interface Life {
  plan: TaskPlan;
  launched: number | undefined;
  /** The agent of its offer. */
  agent: string | undefined;
  runs: number | undefined;
  killed: number | undefined;
  ended: boolean;
}

/** Launches every unit once, kills what is planned to be killed, acknowledges by hand, and asks for what it has not heard of. */
export class ChaosScheduler {
  readonly #room: SchedulerRoom;
  readonly #journal: Journal;
  readonly #clock: Clock = systemClock;
  readonly #lives = new Map<string, Life>();
  readonly #waiting = new Map<string, Unit>();
  readonly #driver: SchedulerDriver;
  #start: number;
  #subscribed = false;
  #framework: string | undefined;

  constructor(room: SchedulerRoom) {
    this.#room = room;
    this.#journal = new Journal(room.journal);
    for (const unit of room.units) {
      this.#waiting.set(unit.id, unit);
      for (const plan of unit.tasks) this.#lives.set(plan.id, newLife(plan));
    }
    this.#start = moment();
    this.#remember();
    this.#journal.write({ kind: 'life' });
    this.#driver = new SchedulerDriver({
      master: room.masters,
      framework: {
        user: 'root',
        name: 'chaos',
        failover_timeout: 3600,
        checkpoint: true,
        capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
        ...(this.#framework !== undefined && { id: { value: this.#framework } }),
      },
      acknowledge: 'by hand',
      patient: true,
      keepId: (framework) => {
        this.#framework = framework;
        this.#journal.write({ kind: 'subscribed', framework, master: '' });
      },
      handlers: {
        subscribed: (framework, master) => {
          this.#subscribed = true;
          this.#journal.write({ kind: 'subscribed', framework, master: master?.hostname ?? '' });
        },
        disconnected: (reason) => {
          this.#subscribed = false;
          this.#journal.write({ kind: 'disconnected', reason });
        },
        offers: (offers) => this.#offers(offers),
        rescind: (offer) => this.#journal.write({ kind: 'rescinded', offer }),
        update: (status, { repeated }) => this.#update(status, repeated),
      },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const looking = this.#lookAfter(either);
    try {
      await this.#driver.run(signal);
    } finally {
      over.abort();
      await looking;
    }
  }

  /** What earlier lives wrote. */
  #remember(): void {
    const lines = this.#journal.read();
    this.#start = lines[0]?.at ?? this.#start;
    for (const line of lines) {
      if (line.kind === 'subscribed') this.#framework = line.framework;
      if (line.kind === 'launch') this.#launched(line.unit, line.agent, line.at);
      if (line.kind === 'killing') this.#with(line.task, (life) => (life.killed = line.at));
      if (line.kind === 'update') this.#learn(line.task, line, line.at);
    }
  }

  #launched(unit: string, agent: string, at: number): void {
    for (const { id } of this.#waiting.get(unit)?.tasks ?? []) {
      this.#with(id, (life) => {
        life.launched = at;
        life.agent = agent;
      });
    }
    this.#waiting.delete(unit);
  }

  #learn(task: string, { state, uuid }: Pick<TaskStatus, 'state' | 'uuid'>, at: number): void {
    this.#with(task, (life) => {
      if (state === 'TASK_RUNNING') life.runs ??= at;
      // What an agent has to tell comes with a uuid to be acknowledged, also when reconciliation has told it before.
      if (isTerminal(state) && (uuid !== undefined || !isToldByAgents(state))) life.ended = true;
    });
  }

  #with(task: string, change: (life: Life) => void): void {
    const life = this.#lives.get(task);
    if (life !== undefined) change(life);
  }

  async #offers(offers: Offer[]): Promise<void> {
    for (const offer of offers) {
      const amounts = { cpus: amountOf(offer, 'cpus'), mem: amountOf(offer, 'mem') };
      const agent = offer.agent_id.value;
      this.#journal.write({ kind: 'offer', offer: offer.id.value, agent, host: offer.hostname, ...amounts });
      await this.#use(offer);
    }
  }

  /** Launches one unit, or declines; what is left of the offer comes back soon. */
  async #use(offer: Offer): Promise<void> {
    const kind = offer.attributes?.find(({ name }) => name === 'containerizer')?.text?.value;
    const elapsed = moment() - this.#start;
    const unit = [...this.#waiting.values()].find(
      (candidate) => candidate.notBefore <= elapsed && candidate.containerizer === kind && fits(candidate, offer),
    );
    const id = offer.id.value;
    if (unit === undefined || this.#framework === undefined) {
      this.#journal.write({ kind: 'declined', offer: id });
      await this.#try(`decline ${id}`, this.#driver.decline([offer], { refuse_seconds: 0.5 }));
      return;
    }
    const { ledger, image } = this.#room;
    const agent = offer.agent_id.value;
    const operation = launchOf(unit, { framework: this.#framework, agent, ledger, image });
    this.#journal.write({ kind: 'launch', unit: unit.id, offer: id, agent, host: offer.hostname });
    this.#launched(unit.id, agent, moment());
    await this.#try(`launch ${unit.id}`, this.#driver.accept([offer], [operation], { refuse_seconds: 0 }));
  }

  async #update(status: TaskStatus, repeated: boolean): Promise<void> {
    const { state, uuid, reason, source, message } = status;
    const task = status.task_id.value;
    const agent = status.agent_id?.value;
    this.#journal.write({ kind: 'update', task, state, uuid, agent, reason, source, message, repeated });
    this.#learn(task, { state, uuid }, moment());
    if (uuid === undefined) return;
    // One that does not arrive comes again.
    if (await this.#try(`acknowledge ${task}`, this.#driver.acknowledge(status)))
      this.#journal.write({ kind: 'acknowledged', task, uuid });
  }

  /** Kills, and reconciliation, at intervals. */
  async #lookAfter(signal: AbortSignal): Promise<void> {
    let reconciled = 0;
    let done = false;
    while (!signal.aborted) {
      await sleep(this.#clock, betweenLooksMs, signal).catch(() => undefined);
      if (!this.#subscribed || signal.aborted) continue;
      const now = moment();
      await this.#kill(now);
      if (now - reconciled >= betweenReconciliationsMs) {
        reconciled = now;
        await this.#reconcile(now);
      }
      if (!done && this.#isDone()) {
        done = true;
        this.#journal.write({ kind: 'done' });
      }
    }
  }

  async #kill(now: number): Promise<void> {
    for (const [task, { plan, agent, runs, killed, ended }] of this.#lives) {
      if (plan.end.kind !== 'killed' || ended || runs === undefined || now - runs < plan.end.after) continue;
      if (killed !== undefined && now - killed < betweenKillsMs) continue;
      this.#journal.write({ kind: 'killing', task });
      this.#with(task, (life) => (life.killed = now));
      await this.#try(`kill ${task}`, this.#driver.kill(task, agent));
    }
  }

  async #reconcile(now: number): Promise<void> {
    const open = [...this.#lives].filter(
      ([, { launched, ended }]) => launched !== undefined && !ended && now - launched > launchPatienceMs,
    );
    if (open.length === 0) return;
    // With its agent, so that one whose launch never arrived is said to be gone: the master knows that agent.
    const tasks = open.map(([value, { agent }]) => ({
      task_id: { value },
      ...(agent !== undefined && { agent_id: { value: agent } }),
    }));
    await this.#try('reconcile', this.#driver.reconcile(tasks));
  }

  #isDone(): boolean {
    const ended = [...this.#lives.values()].every((life) => life.ended);
    return ended && this.#waiting.size === 0;
  }

  /** Whether the master has taken the call. */
  async #try(what: string, call: Promise<void>): Promise<boolean> {
    try {
      await call;
      return true;
    } catch (error) {
      this.#journal.write({ kind: 'callFailed', what, reason: describeError(error) });
      return false;
    }
  }
}

function newLife(plan: TaskPlan): Life {
  return { plan, launched: undefined, agent: undefined, runs: undefined, killed: undefined, ended: false };
}

function amountOf(offer: Offer, name: string): number {
  return (offer.resources ?? []).reduce((sum, each) => sum + (each.name === name ? (each.scalar?.value ?? 0) : 0), 0);
}

function fits(unit: Unit, offer: Offer): boolean {
  const demand = demandOf(unit);
  return (['cpus', 'mem', 'disk'] as const).every((name) => amountOf(offer, name) >= demand[name]);
}
