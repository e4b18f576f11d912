import { asFrameworkId, type FrameworkId } from '../protocol/ids.ts';
import type {
  AgentID,
  Offer,
  SchedulerCall,
  SchedulerCallAcknowledge,
  SchedulerEvent,
  TaskInfo,
  TaskStatus,
} from '../protocol/messages.ts';
import { isTerminal } from '../protocol/task-state.ts';
import { frameworkInfo } from './framework-info.ts';
import { type Habits, habitsOf } from './habits.ts';
import { OfferRoom } from './offer-room.ts';
import type { Random } from './random.ts';
import type { FrameworkGroup } from './scenario.ts';
import type { Peer, SimulatedMaster } from './simulated-master.ts';
import { draw } from './spans.ts';
import type { RoleTally, Witness } from './tally.ts';
import { StreamSupply, type WaitingTask } from './task-supply.ts';
import type { Timeline } from './timeline.ts';
import { type Direction, Path, Wire } from './wire.ts';

export interface SchedulerSurroundings {
  readonly timeline: Timeline;
  readonly master: SimulatedMaster;
  readonly random: Random;
  /** Seconds. */
  readonly latency: number;
  readonly tally: RoleTally;
  readonly witness: Witness;
}

interface LaunchedTask extends WaitingTask {
  readonly agent: AgentID;
  running: boolean;
}

const redialSeconds = 1;
// How often it asks again for tasks of which it has heard nothing since it came back.
const askAgainSeconds = 10;
const mostLateSeconds = 30;

/** A framework: it calls the master as the v1 scheduler API has it, and deals with offers in its group's way. */
export class SimulatedScheduler {
  readonly name: string;
  readonly group: FrameworkGroup;
  readonly #surroundings: SchedulerSurroundings;
  readonly #habits: Habits;
  readonly #supplies: StreamSupply[];
  /** Launched, and not over as far as it knows. */
  readonly #tasks = new Map<string, LaunchedTask>();
  /** Offers that it has not answered yet. */
  readonly #open = new Map<string, Offer>();
  readonly #path = new Path();
  #id: FrameworkId | undefined;
  #peer: Peer<SchedulerEvent> | undefined;
  #suppressed = false;
  #leaves = false;
  #over = false;
  #launches = 0;
  /** Tasks of which nothing was heard since it came back. */
  #unsure = new Set<string>();
  #askingAgain = false;
  /** Whether it says each acknowledgement twice, the second time late. */
  #stutters = false;

  constructor(group: FrameworkGroup, name: string, surroundings: SchedulerSurroundings) {
    this.group = group;
    this.name = name;
    this.#surroundings = surroundings;
    this.#habits = habitsOf(group);
    this.#supplies = group.tasks.map((stream) => new StreamSupply(stream));
  }

  /** How many tasks wait for an offer; those of endless supplies do not count. */
  get waiting(): number {
    return this.#supplies.reduce((sum, supply) => sum + supply.waiting, 0);
  }

  /** Whether it would launch more than it does. */
  get wants(): boolean {
    return this.#id !== undefined && !this.#over && this.#supplies.some((supply) => supply.wants);
  }

  start(): void {
    this.#subscribe();
    for (const supply of this.#supplies) this.#later(supply.stream.from, () => this.#begin(supply));
  }

  /** Tears itself down, as soon as it is subscribed; that it has come through it knows when it is refused. */
  leave(): void {
    this.#leaves = true;
    if (this.#peer === undefined || this.#id === undefined) return;
    this.windUp();
    this.#tasks.clear();
    this.#open.clear();
    this.#call({ type: 'TEARDOWN' });
  }

  /** No task comes any more; those that wait are not wanted any more either. */
  windUp(): void {
    this.#supplies.length = 0;
  }

  /** Its connection closes. It remembers its id and its tasks. */
  die(): void {
    const { master } = this.#surroundings;
    const [peer, id] = [this.#peer, this.#id];
    if (peer === undefined || id === undefined) return;
    this.#peer = undefined;
    this.#open.clear();
    peer.wire.reset('up', () => master.subscriptionClosed(id, peer));
  }

  /** After `die`. */
  comeBack(): void {
    if (this.#peer === undefined && !this.#over) this.#subscribe();
  }

  /** Another instance takes over, with its id and its tasks, while the connection of this one is still open. */
  failOver(): void {
    if (this.#peer === undefined || this.#id === undefined || this.#over) return;
    this.#open.clear();
    this.#subscribe();
  }

  /** What is sent that way waits until `unblock`. */
  block(direction: Direction): void {
    this.#path.block(direction);
  }

  unblock(direction: Direction): void {
    this.#path.unblock(direction);
  }

  stutter(begins: boolean): void {
    this.#stutters = begins;
  }

  #subscribe(): void {
    const { timeline, latency, master } = this.#surroundings;
    const wire = new Wire(timeline, latency, this.#path);
    const peer: Peer<SchedulerEvent> = {
      wire,
      receive: (event) => {
        if (this.#peer === peer) this.#receive(event);
      },
      hungUp: () => {
        if (this.#peer !== peer) return;
        this.#peer = undefined;
        this.#open.clear();
        this.#later(redialSeconds, () => this.comeBack());
      },
    };
    this.#peer = peer;
    this.#suppressed = false;
    const framework_info = frameworkInfo(this.group, this.name, this.#id);
    const call: SchedulerCall = { type: 'SUBSCRIBE', subscribe: { framework_info } };
    const complete = this.#id === undefined ? call : { ...call, framework_id: { value: this.#id } };
    wire.send('up', () => master.call(complete, peer));
  }

  #receive({ type, subscribed, offers, rescind, update }: SchedulerEvent): void {
    if (subscribed !== undefined) this.#subscribed(subscribed.framework_id.value);
    if (offers !== undefined) this.#consider(offers.offers ?? []);
    if (rescind !== undefined) this.#open.delete(rescind.offer_id.value);
    if (update !== undefined) this.#heard(update.status);
    if (type === 'ERROR') this.#over = true;
  }

  #subscribed(id: string): void {
    const isBack = this.#id !== undefined;
    this.#id = asFrameworkId(id);
    if (this.#leaves) {
      this.leave();
      return;
    }
    this.#unsure = new Set(isBack ? this.#tasks.keys() : []);
    this.#ask();
    this.#rest();
    this.#wake();
  }

  /** The master is silent of tasks whose agents are still to come back. */
  #ask(): void {
    const tasks = [...this.#unsure].flatMap((value) => {
      const task = this.#tasks.get(value);
      return task === undefined ? [] : [{ task_id: { value }, agent_id: task.agent }];
    });
    if (tasks.length === 0) return;
    this.#call({ type: 'RECONCILE', reconcile: { tasks } });
    if (this.#askingAgain) return;
    this.#askingAgain = true;
    this.#later(askAgainSeconds, () => {
      this.#askingAgain = false;
      this.#ask();
    });
  }

  #consider(offers: readonly Offer[]): void {
    const { delay } = this.#habits;
    for (const offer of offers) this.#open.set(offer.id.value, offer);
    if (delay === undefined) return;
    if (delay === 0) this.#answer(offers);
    else this.#later(delay, () => this.#answer(offers.filter(({ id }) => this.#open.has(id.value))));
  }

  #answer(offers: readonly Offer[]): void {
    const unwanted = offers.filter((offer) => !this.#use(offer));
    const { keeps } = this.#habits;
    if (keeps === 0) this.#decline(unwanted);
    else if (unwanted.length > 0) this.#later(keeps, () => this.#decline(unwanted));
    this.#rest();
  }

  /** Launches what fits; whether anything did. */
  #use(offer: Offer): boolean {
    if (!this.#habits.likes(offer)) return false;
    const tasks = this.#place(offer);
    if (tasks.length === 0) return false;
    this.#open.delete(offer.id.value);
    this.#call({
      type: 'ACCEPT',
      accept: {
        offer_ids: [offer.id],
        operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }],
        filters: { refuse_seconds: this.#habits.refuse },
      },
    });
    return true;
  }

  #place(offer: Offer): TaskInfo[] {
    const room = new OfferRoom(offer);
    const most = this.group.perOffer ?? Number.POSITIVE_INFINITY;
    const placed: TaskInfo[] = [];
    for (const supply of this.#supplies) {
      while (placed.length < most) {
        const task = supply.next(this.#surroundings.random);
        const resources = task && room.take(task.resources);
        if (task === undefined || resources === undefined) break;
        supply.take();
        const id = `${this.name}.${this.#launches++}`;
        this.#tasks.set(id, { ...task, agent: offer.agent_id, running: false });
        this.#surroundings.witness.launched?.(this.name, id);
        placed.push({
          name: this.group.name,
          task_id: { value: id },
          agent_id: offer.agent_id,
          command: { value: `sleep ${task.duration}` },
          resources,
        });
      }
    }
    return placed;
  }

  #decline(offers: readonly Offer[]): void {
    const offer_ids = offers.flatMap(({ id }) => (this.#open.delete(id.value) ? [id] : []));
    if (offer_ids.length === 0) return;
    this.#call({ type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds: this.#habits.refuse } } });
  }

  #heard(status: TaskStatus): void {
    const { task_id, agent_id, uuid, state } = status;
    const { tally, witness, timeline } = this.#surroundings;
    witness.heard?.(this.name, task_id.value, state, uuid);
    this.#unsure.delete(task_id.value);
    if (uuid !== undefined && agent_id !== undefined) this.#acknowledge({ agent_id, task_id, uuid });
    const task = this.#tasks.get(task_id.value);
    if (task === undefined) {
      // It was given up and has been asked for again.
      if (!isAlive(state)) return;
      witness.killed?.(task_id.value);
      this.#call({ type: 'KILL', kill: { task_id } });
      return;
    }
    if (state === 'TASK_RUNNING' && !task.running) {
      task.running = true;
      if (task.since !== undefined) tally.waits.push((timeline.now() - task.since) / 1000);
    }
    if (isAlive(state)) return;
    this.#tasks.delete(task_id.value);
    if (state === 'TASK_FINISHED') tally.finished++;
    else this.#again(task);
  }

  #acknowledge(acknowledge: SchedulerCallAcknowledge): void {
    const call: SchedulerCall = { type: 'ACKNOWLEDGE', acknowledge };
    this.#call(call);
    if (this.#stutters) this.#later(this.#surroundings.random.next() * mostLateSeconds, () => this.#call(call));
  }

  /** It is lost, or cannot be reached: another one is to run in its place. */
  #again(task: WaitingTask): void {
    this.#surroundings.tally.lost++;
    task.stream.repeat(task, this.#surroundings.timeline.now());
    this.#wake();
  }

  #begin(supply: StreamSupply): void {
    const { count, every } = supply.stream;
    if (every !== undefined) {
      this.#arrive(supply, every, count ?? Number.POSITIVE_INFINITY);
      return;
    }
    if (count === undefined) supply.begin();
    for (let task = 0; task < (count ?? 0); task++) this.#add(supply);
    this.#wake();
  }

  #arrive(supply: StreamSupply, every: NonNullable<StreamSupply['stream']['every']>, left: number): void {
    if (left === 0 || this.#over || !this.#supplies.includes(supply)) return;
    this.#add(supply);
    this.#wake();
    this.#later(draw(every, this.#surroundings.random), () => this.#arrive(supply, every, left - 1));
  }

  #add(supply: StreamSupply): void {
    supply.add(this.#surroundings.random, this.#surroundings.timeline.now());
  }

  /** Something waits: first for what it kept, then for new offers. */
  #wake(): void {
    if (this.#over || this.#peer === undefined || this.#id === undefined) return;
    if (this.#habits.keeps > 0) for (const offer of [...this.#open.values()]) if (this.wants) this.#use(offer);
    if (!this.#suppressed || !this.wants) return;
    this.#suppressed = false;
    this.#call({ type: 'REVIVE' });
  }

  /** Nothing waits: no offers for a while, if that is its habit. */
  #rest(): void {
    if (!this.#habits.suppresses || this.#suppressed || this.wants || this.#peer === undefined) return;
    this.#suppressed = true;
    this.#call({ type: 'SUPPRESS' });
  }

  #call(call: SchedulerCall): void {
    const { master } = this.#surroundings;
    const peer = this.#peer;
    if (peer === undefined || this.#id === undefined || this.#over) return;
    const complete = { ...call, framework_id: { value: this.#id } };
    peer.wire.send('up', () => master.call(complete, peer));
  }

  #later(seconds: number, action: () => void): void {
    this.#surroundings.timeline.after(seconds * 1000, action);
  }
}

/** Not over, and where it can be reached. */
function isAlive(state: TaskStatus['state']): boolean {
  return !isTerminal(state) && state !== 'TASK_UNREACHABLE' && state !== 'TASK_UNKNOWN';
}
