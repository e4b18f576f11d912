import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TaskState } from '../../protocol/messages.ts';
import { check, type Evidence, type Violation } from './checker.ts';
import type { Hit } from './faults.ts';
import type { Entry, JournalLine } from './journal.ts';
import { type LedgerLine, parseLedger } from './ledger.ts';
import type { Mishap } from './schedule.ts';
import type { PlannedEnd, Unit, UnitKind } from './workload.ts';

/** A run with one unit of two tasks, t1 and t2, on a1; times in seconds. t2 ends well unless something else is said. */
class Story {
  readonly #unit: Unit;
  readonly #journal: JournalLine[] = [];
  readonly #ledgers = new Map<string, LedgerLine[]>();
  readonly #hits: Hit[] = [];
  #uuids = 0;

  constructor(
    end: PlannedEnd = { kind: 'exit', code: 0 },
    kind: UnitKind = 'command',
    containerizer: Unit['containerizer'] = 'process',
  ) {
    const tasks = ['t1', 't2'].map((id) => ({ id, duration: 1000, end, checked: false }));
    this.#unit = { id: 'u', kind, containerizer, notBefore: 0, tasks };
  }

  launched(at = 1): this {
    return this.says(at, { kind: 'launch', unit: 'u', offer: 'O1', agent: 'S1', host: 'a1' });
  }

  says(at: number, entry: Entry): this {
    this.#journal.push({ ...entry, at: at * 1000 });
    return this;
  }

  told(at: number, task: string, state: TaskState, message = '', uuid: string | null = `uuid${++this.#uuids}`): this {
    const none = { agent: 'S1', reason: undefined, source: undefined, repeated: false };
    this.says(at, { kind: 'update', task, state, uuid: uuid ?? undefined, message, ...none });
    return uuid === null ? this : this.says(at, { kind: 'acknowledged', task, uuid });
  }

  notLaunched(at: number, task: string): this {
    const reason = 'REASON_CONTAINER_LAUNCH_FAILED';
    const update = {
      agent: 'S1',
      source: undefined,
      repeated: false,
      state: 'TASK_FAILED',
      message: '',
      uuid: 'never',
    } as const;
    return this.says(at, { kind: 'update', task, reason, ...update }).says(at, {
      kind: 'acknowledged',
      task,
      uuid: 'never',
    });
  }

  wrote(task: string, ledger: string): this {
    this.#ledgers.set(task, parseLedger(ledger.replaceAll('; ', '\n')));
    return this;
  }

  hit(from: number, to: number, mishap: Mishap, victim?: string): this {
    const fault = { ...mishap, number: 1, at: 0 };
    this.#hits.push({ fault, from: from * 1000, to: to * 1000, victim });
    return this;
  }

  ran(task: string, code = 0): this {
    const state = code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED';
    this.wrote(task, `2.00 start; 3.00 end ${code}`);
    return this.told(2, task, 'TASK_RUNNING').told(3.1, task, state, `Command exited with status ${code}`);
  }

  violations(more: Partial<Evidence> = {}): Violation[] {
    const made = { units: [this.#unit], journal: this.#journal, ledgers: this.#ledgers, hits: this.#hits };
    return check({ ...made, deaths: [], pending: [], leftovers: [], ...more });
  }

  kinds(more: Partial<Evidence> = {}): string[] {
    return this.violations(more).map(({ kind, what }) => `${what}: ${kind}`);
  }
}

const agentKilled: Mishap = { kind: 'kill', target: 'a1', pause: 0 };

describe('the checker of a chaos run', () => {
  it('finds nothing in a run in which all went as planned', () => {
    assert.deepEqual(new Story().launched().ran('t1').ran('t2').violations(), []);
    const failing = new Story({ kind: 'exit', code: 7 }).launched().ran('t1', 7).ran('t2', 7);
    assert.deepEqual(failing.violations(), []);
  });

  it('finds a unit that was never launched', () => {
    assert.deepEqual(new Story().kinds(), ['t1: never launched', 't2: never launched']);
  });

  it('finds a task whose end nobody told', () => {
    const story = new Story().launched().ran('t2').told(2, 't1', 'TASK_RUNNING').wrote('t1', '2.00 start; 3.00 end 0');
    assert.deepEqual(story.kinds(), ['t1: lost']);
    assert.match(story.violations()[0]?.why ?? '', /TASK_RUNNING is the last .* its ledger: start, end 0/);
  });

  it('does not take an unreachable task for one that is over', () => {
    const story = new Story().launched().ran('t2').told(2, 't1', 'TASK_UNREACHABLE', '', null);
    assert.deepEqual(story.kinds(), ['t1: lost']);
  });

  it('finds a task that ran twice, whatever was told and done', () => {
    const story = new Story().launched().ran('t1').ran('t2').hit(2, 3, agentKilled);
    story.wrote('t1', '2.00 start; 2.50 start; 3.00 end 0');
    assert.deepEqual(story.kinds(), ['t1: run twice']);
  });

  it('finds two ends of one task, but takes a repetition and the answer to a reconciliation for what they are', () => {
    const story = new Story().launched().ran('t1').told(4, 't2', 'TASK_FINISHED', '', 'same');
    story.wrote('t2', '2.00 start; 3.00 end 0').told(5, 't2', 'TASK_FINISHED', '', 'same');
    story.told(6, 't2', 'TASK_FINISHED', '', null);
    assert.deepEqual(story.kinds(), []);
    assert.deepEqual(story.told(7, 't2', 'TASK_FINISHED', '', 'another').kinds(), ['t2: ended twice']);
    assert.deepEqual(new Story().launched().ran('t1').ran('t2').told(8, 't1', 'TASK_LOST').kinds(), [
      't1: ended twice',
    ]);
  });

  it('finds an end that is not the one in the ledger', () => {
    const finished = new Story()
      .launched()
      .ran('t2')
      .wrote('t1', '2.00 start; 3.00 end 7')
      .told(3, 't1', 'TASK_FINISHED');
    assert.deepEqual(finished.kinds(), ['t1: told otherwise']);
    const failed = new Story().launched().ran('t2').wrote('t1', '2.00 start; 3.00 end 0').told(3, 't1', 'TASK_FAILED');
    assert.deepEqual(failed.kinds(), ['t1: told otherwise']);
    const other = new Story({ kind: 'exit', code: 7 }).launched().ran('t2', 7).wrote('t1', '2.00 start; 3.00 end 7');
    assert.deepEqual(other.told(3, 't1', 'TASK_FAILED', 'exited with status 137').kinds(), ['t1: told otherwise']);
    const never = new Story().launched().ran('t2').told(3, 't1', 'TASK_FINISHED');
    assert.deepEqual(never.kinds(), ['t1: told otherwise']);
  });

  it('finds a task that was told to be lost although it ran, whatever was done', () => {
    for (const state of ['TASK_LOST', 'TASK_DROPPED', 'TASK_GONE'] as const) {
      const story = new Story()
        .launched()
        .ran('t2')
        .hit(2, 3, agentKilled)
        .wrote('t1', '2.00 start')
        .told(3, 't1', state);
      assert.deepEqual(story.kinds(), ['t1: told otherwise']);
    }
  });

  it('takes a task that was ended with its executor for gone, when a fault was the cause', () => {
    const gone = () =>
      new Story(undefined, 'driver').launched().ran('t2').wrote('t1', '2.00 start').told(4, 't1', 'TASK_GONE');
    assert.deepEqual(gone().kinds(), ['t1: told otherwise']);
    assert.deepEqual(gone().hit(2, 3, { kind: 'disk', target: 'a1', pause: 0 }).kinds(), []);
    const ended = gone().hit(2, 3, { kind: 'disk', target: 'a1', pause: 0 }).wrote('t1', '2.00 start; 3.00 end 0');
    assert.deepEqual(ended.kinds(), ['t1: told otherwise']);
  });

  it('excuses a launch that never arrived by a fault near it alone', () => {
    const dropped = () => new Story().launched().ran('t2').told(3, 't1', 'TASK_DROPPED');
    assert.deepEqual(dropped().kinds(), ['t1: killed without a cause']);
    assert.deepEqual(dropped().hit(1, 2, { kind: 'reset', target: 'm1', pause: 0 }).kinds(), []);
    assert.deepEqual(dropped().hit(1, 2, { kind: 'stop', target: 'a2', pause: 0 }).kinds(), [
      't1: killed without a cause',
    ]);
    assert.deepEqual(dropped().hit(5, 6, { kind: 'reset', target: 'm1', pause: 0 }).kinds(), [
      't1: killed without a cause',
    ]);
  });

  it('finds a healthy task that was killed: the death of its agent is no cause', () => {
    const killed = (state: TaskState) => {
      return new Story().launched().ran('t2').hit(2, 3, agentKilled).wrote('t1', '2.00 start').told(3, 't1', state);
    };
    assert.deepEqual(killed('TASK_KILLED').kinds(), ['t1: killed without a cause']);
    assert.deepEqual(killed('TASK_FAILED').kinds(), ['t1: killed without a cause']);
    assert.deepEqual(killed('TASK_GONE_BY_OPERATOR').kinds(), ['t1: killed without a cause']);
  });

  it('takes a kill of the scheduler, of the task, of its executor and of its pod for a cause', () => {
    const killed = (kind: UnitKind = 'command') => {
      return new Story(undefined, kind).launched().ran('t2').wrote('t1', '2.00 start').told(4, 't1', 'TASK_KILLED');
    };
    assert.deepEqual(killed().says(3, { kind: 'killing', task: 't1' }).kinds(), []);
    assert.deepEqual(killed().says(9, { kind: 'killing', task: 't1' }).kinds(), ['t1: killed without a cause']);
    const hit: Mishap = { kind: 'task', target: 'a1', place: 0, pause: 0 };
    assert.deepEqual(killed().hit(3, 3, hit, 't1').kinds(), []);
    assert.deepEqual(killed().hit(3, 3, hit, 't2').kinds(), ['t1: killed without a cause']);
    assert.deepEqual(killed('pod').hit(3, 3, hit, 't2').kinds(), []);
    assert.deepEqual(
      killed('driver')
        .hit(3, 3, { ...hit, kind: 'executor' }, 'u')
        .kinds(),
      [],
    );
  });

  it('finds a task that was told to be killed after it had ended of itself', () => {
    const story = new Story({ kind: 'killed', after: 0 }).launched().says(9, { kind: 'killing', task: 't1' });
    story.ran('t2').wrote('t1', '2.00 start; 3.00 end 0').told(10, 't1', 'TASK_KILLED');
    assert.deepEqual(story.kinds(), ['t1: told otherwise']);
  });

  it('finds a task that goes on after its end was told', () => {
    const story = new Story().launched().ran('t2').says(3, { kind: 'killing', task: 't1' });
    story.wrote('t1', '2.00 start; 9.00 end 0').told(4, 't1', 'TASK_KILLED');
    assert.deepEqual(story.kinds(), ['t1: went on after its end']);
  });

  it('finds a terminal update that is not acknowledged', () => {
    const story = new Story().launched().ran('t1').wrote('t2', '2.00 start; 3.00 end 0');
    const none = { agent: 'S1', reason: undefined, source: undefined, message: undefined, repeated: false };
    story.says(4, { kind: 'update', task: 't2', state: 'TASK_FINISHED', uuid: 'u2', ...none });
    assert.deepEqual(story.kinds(), ['t2: not acknowledged']);
    // It may have arrived; then nothing is shown any more.
    assert.deepEqual(story.says(5, { kind: 'callFailed', what: 'acknowledge t2', reason: 'reset' }).kinds(), []);
    assert.deepEqual(story.kinds({ pending: ['t2'] }), ['t2: still shown']);
  });

  it('finds an end that only reconciliation tells', () => {
    const story = new Story().launched().ran('t1').wrote('t2', '2.00 start; 3.00 end 0');
    assert.deepEqual(story.told(4, 't2', 'TASK_FINISHED', '', null).kinds(), ['t2: not acknowledged']);
    assert.deepEqual(story.told(5, 't2', 'TASK_FINISHED').kinds(), []);
  });

  it('finds more offered than is free beside what runs by its own word', () => {
    const offer = (cpus: number) => ({ kind: 'offer' as const, offer: 'O2', agent: 'S1', host: 'a1', cpus, mem: 0 });
    const story = (at: number, cpus: number) => {
      const made = new Story().launched().told(2, 't1', 'TASK_RUNNING').says(at, offer(cpus)).ran('t2');
      return made.wrote('t1', '2.00 start; 6.00 end 0').told(6, 't1', 'TASK_FINISHED');
    };
    assert.deepEqual(story(4, 7.9).kinds(), []);
    assert.deepEqual(story(4, 8).kinds(), ['a1: overcommitted']);
    assert.deepEqual(story(5.9, 8).kinds(), []);
    assert.deepEqual(
      story(4, 4)
        .says(4, { ...offer(4), offer: 'O3' })
        .kinds(),
      ['a1: overcommitted'],
    );
    const rescinded = new Story()
      .launched()
      .ran('t1')
      .ran('t2')
      .says(4, offer(8))
      .says(5, { kind: 'rescinded', offer: 'O2' });
    assert.deepEqual(rescinded.says(6, offer(8)).kinds(), []);
  });

  it('lets a launch fail that has begun when the engine was killed meanwhile, but not go on', () => {
    const engineKilled: Mishap = { kind: 'kill', target: 'e1', pause: 0 };
    const story = () =>
      new Story({ kind: 'exit', code: 0 }, 'docker', 'docker').launched().ran('t2').notLaunched(4, 't1');
    const begun = story().hit(2, 3, engineKilled).wrote('t1', '2.00 start');
    assert.deepEqual(begun.kinds(), []);
    assert.deepEqual(story().wrote('t1', '2.00 start').kinds(), ['t1: killed without a cause']);
    const wentOn = story().hit(2, 3, engineKilled).wrote('t1', '2.00 start; 9.00 end 0');
    assert.deepEqual(wentOn.kinds(), ['t1: went on after its end']);
  });

  it('finds daemons that died of themselves; a master may, which lost its office, and an agent without an engine', () => {
    const story = new Story().launched().ran('t1').ran('t2').hit(2, 3, { kind: 'stop', target: 'z1', pause: 0 });
    const deaths = ['a1', 'm1'].map((daemon) => ({ daemon, at: 4000, how: 'exit status 1' }));
    assert.deepEqual(story.kinds({ deaths }), ['a1: died']);
    assert.deepEqual(story.hit(2, 3, { kind: 'kill', target: 'e1', pause: 0 }).kinds({ deaths }), []);
  });

  it('finds what is still shown, and what is left behind', () => {
    const story = new Story().launched().ran('t1').ran('t2');
    const forgotten = ['process 8: runc init', 'process 9: /usr/bin/containerd-shim-runc-v2 -id x'];
    const engineKilled = new Story().launched().ran('t1').ran('t2').hit(2, 3, { kind: 'kill', target: 'e1', pause: 0 });
    assert.deepEqual(engineKilled.kinds({ leftovers: [...forgotten, 'process 10: sh'] }), [
      'process 10: sh: left behind',
    ]);
    assert.equal(story.kinds({ leftovers: forgotten }).length, 2);
    assert.deepEqual(story.kinds({ pending: ['t1'], leftovers: ['process 7'] }), [
      't1: still shown',
      'process 7: left behind',
    ]);
  });
});
