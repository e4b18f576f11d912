import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { endExecutor } from '../../../../master/commands/executors.ts';
import { updateOperation } from '../../../../master/commands/operations.ts';
import type { Effect } from '../../../../master/effects.ts';
import type { AgentId, FrameworkId } from '../../../../protocol/ids.ts';
import { decodeJson } from '../../../../protocol/json-codec.ts';
import type { FrameworkInfo, Resource, SchedulerCall, SchedulerEvent } from '../../../../protocol/messages.ts';
import { sameContent } from '../../../../protocol/same-content.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { eventsIn, MasterWorld, messagesIn } from '../../../support/master-world.ts';
import { WorkerBelongings } from '../../../support/worker-belongings.ts';

interface Exchange {
  name: string;
  call: unknown;
  /** The events that the call brought about, but for those of tasks that ran. */
  events: SchedulerEvent[];
  /** What was offered next, unless that was while its tasks ran. */
  offered: Resource[] | null;
}

const resources = 'cpus:2;mem:2048;disk:10000;ports:[31000-31099]';

/** What a real master did with reservations, volumes and task groups. `AGENT`, `FRAMEWORK` stand for the ids. */
function recorded(name: string): { framework: FrameworkInfo; exchanges: Exchange[] } {
  const lines = readFileSync(join(import.meta.dirname, `recorded-operations-${name}.jsonl`), 'utf8')
    .trimEnd()
    .replaceAll('"AGENT"', '"M-S0"')
    .replaceAll('"FRAMEWORK"', '"M-0000"')
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const [first, ...exchanges] = lines;
  return { ...(first as { framework: FrameworkInfo }), exchanges: exchanges as Exchange[] };
}

/** A master, the framework of a recording, and the agent's side of operations and executors. */
class Session {
  readonly world = new MasterWorld();
  readonly agent: AgentId;
  readonly framework: FrameworkId;
  readonly #belongings = new WorkerBelongings(resources, () => this.world.uuid());
  #outcomes = new Map<string, string>();

  constructor(info: FrameworkInfo) {
    this.agent = this.world.agent(resources);
    const subscription = this.world.subscription(info);
    if ('refusal' in subscription) throw new Error(subscription.refusal);
    this.world.did(subscription.after);
    this.framework = subscription.framework;
  }

  /** Everything that the framework hears after a call. */
  call(call: SchedulerCall): SchedulerEvent[] {
    const effects = [...this.world.call(this.framework, this.#addressed(call))];
    for (const message of messagesIn(effects)) this.#belongings.obey(message, this.agent);
    for (const outcome of this.#belongings.outcomes(false)) {
      const { status } = outcome;
      if (status.uuid !== undefined) this.#outcomes.set(status.operation_id?.value ?? '', status.uuid.value);
      effects.push(...updateOperation(this.world.state, this.agent, outcome, this.world.now));
    }
    assertInvariants(this.world.state, this.world.allocator);
    this.#endTasks(effects);
    return eventsIn(effects);
  }

  /** What is offered when all filters are over. */
  offered(): Resource[] {
    this.world.now += 10_000;
    return this.world.offer(this.framework).resources ?? [];
  }

  #addressed(call: SchedulerCall): SchedulerCall {
    if (call.accept !== undefined) {
      const [offer] = this.world.known(this.framework).offers;
      return { ...call, accept: { ...call.accept, offer_ids: [{ value: offer ?? '' }] } };
    }
    const acknowledge = call.acknowledge_operation_status;
    if (acknowledge === undefined) return call;
    const uuid = this.#outcomes.get(acknowledge.operation_id.value) ?? '';
    return { ...call, acknowledge_operation_status: { ...acknowledge, uuid } };
  }

  #endTasks(effects: readonly Effect[]): void {
    const { agent, framework, world } = this;
    for (const task of [...world.known(framework).tasks.keys()]) {
      const uuid = world.update(agent, framework, task, 'TASK_FINISHED');
      world.acknowledge(framework, agent, task, uuid);
    }
    for (const message of messagesIn(effects)) {
      if (message.type !== 'RUN_TASK_GROUP') continue;
      const exit = { framework_id: framework, executor_id: message.executor.executor_id.value, status: 0 };
      world.did(endExecutor(world.state, agent, exit, world.now));
    }
  }
}

for (const name of ['full', 'none']) {
  const { framework, exchanges } = recorded(name);
  test(`reservations, volumes and groups, as recorded with ${name === 'full' ? 'many capabilities' : 'no capability'}`, () => {
    const session = new Session(framework);
    session.offered();
    for (const { name: what, call, events, offered } of exchanges) {
      const heard = session.call(decoded(call));
      assert.deepEqual(heard.map(comparable), events.map(comparable), what);
      if (decoded(call).type !== 'ACCEPT') continue;
      const next = session.offered();
      if (offered === null) continue;
      const missing = offered.filter((one) => !next.some((other) => sameContent(one, other)));
      assert.deepEqual(missing, [], `offered after ${what}`);
      assert.equal(next.length, offered.length, `offered after ${what}`);
    }
    assert.equal(session.world.known(session.framework).operations.size, 0);
  });
}

/** Without what differs by its nature. */
function comparable(event: SchedulerEvent): unknown {
  const text = JSON.stringify(event, (key, value: unknown) => {
    if (key === 'timestamp') return undefined;
    return key === 'uuid' ? 'some' : value;
  });
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  ) as unknown;
}

function decoded(call: unknown): SchedulerCall {
  const result = decodeJson('SchedulerCall', structuredClone(call));
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
