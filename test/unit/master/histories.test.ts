import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type MasterState, rolesOf } from '../../../master/state.ts';
import type { Subject } from '../../../master/why/subject.ts';
import { why } from '../../../master/why/why.ts';
import { isTerminal } from '../../../protocol/task-state.ts';
import { MasterHistory, type Step } from '../../support/master-history.ts';
import { assertInvariants } from '../../support/master-invariants.ts';
import { sortedText } from '../../support/master-messages.ts';
import type { ConversionKind } from '../../support/offer-conversions.ts';

const who = fc.nat(7);
const cpus = fc.integer({ min: 1, max: 4 });

const kind = fc.constantFrom<ConversionKind[]>(
  'RESERVE',
  'UNRESERVE',
  'CREATE',
  'CREATE shared',
  'DESTROY',
  'GROW',
  'SHRINK',
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      aware: fc.boolean(),
      failoverTimeout: fc.constantFrom(0, 30, 1000),
      role: fc.constantFrom('*', 'a', 'a/b'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'subscribe again' as const,
        'hang up' as const,
        'tear down' as const,
        'revive' as const,
        'suppress' as const,
      ),
      who,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), cpus }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'lose link' as const, 'rejoin' as const, 'leave' as const),
      who,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('mark gone' as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('drain' as const, 'call off' as const, 'machine down' as const, 'machine up' as const),
      who,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('deactivate' as const, 'reactivate' as const), who }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('empty' as const), who, gone: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('operate' as const),
      who,
      kinds: fc.array(kind, { minLength: 1, maxLength: 5 }),
      role: fc.constantFrom('a', 'a/b'),
      id: fc.nat(9),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('weigh' as const),
      role: fc.constantFrom('*', 'a', 'a/b'),
      weight: fc.constantFrom(0.5, 1, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('limit' as const),
      role: fc.constantFrom('a', 'b'),
      guarantee: fc.nat(3),
      limit: fc.option(fc.integer({ min: 3, max: 6 }), { nil: undefined }),
      force: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('answer' as const), who, accepts: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      who,
      role: fc.constantFrom('*', 'a', 'a/b'),
      suppressed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), who, cpus }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('allocate' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('accept' as const),
      offer: who,
      tasks: fc.array(fc.record({ id: fc.nat(5), cpus }), { maxLength: 3 }),
      thief: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('convert' as const),
      offer: who,
      kinds: fc.array(kind, { minLength: 1, maxLength: 5 }),
      id: fc.option(fc.nat(3), { nil: undefined }),
      task: fc.option(fc.nat(5), { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('launch under executor' as const),
      offer: who,
      task: fc.nat(5),
      executor: fc.nat(1),
      group: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('end executor' as const, 'tell outcomes' as const), who }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('decline' as const), offer: who }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      who,
      state: fc.constantFrom('TASK_RUNNING' as const, 'TASK_FINISHED' as const, 'TASK_FAILED' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('acknowledge' as const, 'kill' as const, 'reconcile' as const), who }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 10, 40, 80) }) },
);

const crash: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('crash' as const),
  last: step,
  written: fc.nat(3),
  said: fc.boolean(),
});

const history = fc.array(fc.oneof({ weight: 30, arbitrary: step }, { weight: 1, arbitrary: crash }), {
  minLength: 1,
  maxLength: 60,
  size: 'max',
});
const runs = Number(process.env.MESITA_TEST_RUNS ?? 400);

function live(steps: readonly Step[], offerTimeout: number | undefined): MasterHistory {
  const lived = new MasterHistory(offerTimeout);
  lived.step({ do: 'subscribe', aware: true, failoverTimeout: 1000, role: 'a' });
  lived.step({ do: 'join', cpus: 4 });
  for (const one of steps) lived.step(one);
  return lived;
}

test('whatever happens, the books of offers, tasks and allocations agree', () => {
  fc.assert(
    fc.property(history, fc.constantFrom(undefined, 30), (steps, offerTimeout) => void live(steps, offerTimeout)),
    { numRuns: runs },
  );
});

test('once all are back and all is acknowledged, no task is open and no framework waits for the end of one', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const lived = live(steps, undefined);
      lived.settle();
      for (const client of lived.clients) {
        if (client.over) continue;
        const framework = lived.world.known(client.id);
        assert.deepEqual([...framework.tasks.keys()], [], `open tasks of ${client.id}`);
        assert.deepEqual([...framework.operations.keys()], [], `open operations of ${client.id}`);
        // Who was told TASK_LOST of a task of an agent that is gone for good is shown it as unreachable.
        const unreachable = [...framework.unreachableTasks.values()].filter(({ state }) => state !== 'TASK_LOST');
        assert.deepEqual(unreachable, [], `unreachable tasks of ${client.id}`);
        for (const task of client.launched) {
          const state = client.heard.get(task);
          const answer = client.answers.get(task);
          const ended = state !== undefined && isTerminal(state);
          // Events that came while it was away are not repeated: it has to ask.
          const over = answer === 'TASK_UNKNOWN' || answer === 'TASK_LOST';
          assert.ok(ended || over, `${client.id} heard ${state} of ${task} at last, and ${answer} when it asked`);
        }
      }
    }),
    { numRuns: runs },
  );
});

test('once all frameworks are gone, the agents offer all that they have', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const lived = live(steps, undefined);
      lived.settle();
      for (const [index] of lived.clients.entries()) lived.step({ do: 'tear down', who: index });
      // What is reserved is so for `a` or `a/b`, and goes to both of this one.
      const newcomer = lived.world.framework({ role: 'a/b', capabilities: ['SHARED_RESOURCES'] });
      const offers = lived.world.offers(newcomer);
      for (const { id, total } of lived.world.state.agents.values()) {
        const offered = offers
          .filter((offer) => offer.agent_id.value === id)
          .flatMap(({ resources = [] }) => resources);
        assert.equal(sortedText(offered), sortedText(total), `the offer of ${id}`);
      }
    }),
    { numRuns: runs },
  );
});

/** A shared volume goes to one framework in each cycle. */
function allocateAll(world: MasterHistory['world']): void {
  for (let cycles = 1; world.offers().length > 0; cycles++) assert.ok(cycles < 100, 'there is always more to give');
}

test('whatever happened, why has an answer of everything that there is; after allocations nothing is only yet to be given', () => {
  fc.assert(
    fc.property(history, fc.constantFrom(undefined, 30), (steps, offerTimeout) => {
      const { world } = live(steps, offerTimeout);
      allocateAll(world);
      const { state } = world;
      for (const subject of subjectsOf(state)) {
        const answer = why(state, subject, undefined, world.now);
        assert.deepEqual(JSON.parse(JSON.stringify(answer)), answer);
        const roles = answer.subject === 'framework' ? answer.roles : [];
        const given = roles
          .flatMap(({ survey }) => survey.nearest)
          .filter(({ obstacle }) => obstacle.kind === 'NOTHING');
        assert.deepEqual(given, []);
      }
      assertInvariants(state, world.allocator);
    }),
    { numRuns: runs },
  );
});

function subjectsOf({ frameworks, completedFrameworks }: MasterState): Subject[] {
  const all = [...frameworks.values(), ...completedFrameworks.values()];
  return all.flatMap((framework): Subject[] => [
    { kind: 'framework', framework },
    ...rolesOf(framework.info).map((role): Subject => ({ kind: 'role', role })),
    ...[...framework.tasks.values(), ...framework.unreachableTasks.values(), ...framework.completedTasks].map(
      (task): Subject => ({ kind: 'task', framework, task }),
    ),
  ]);
}
