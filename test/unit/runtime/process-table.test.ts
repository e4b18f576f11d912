import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStat } from '../../../runtime/proc-files.ts';
import { type ProcessRow, ProcessTable } from '../../../runtime/process-table.ts';
import { TreeEnder } from '../../../runtime/tree-ender.ts';
import { settle, VirtualClock } from '../../support/virtual-clock.ts';

interface FakeProcess extends Partial<ProcessRow> {
  marks?: string[];
}

/** A machine whose processes are what the test says. */
class FakeMachine {
  readonly processes = new Map<number, FakeProcess>();
  readonly signals: [number, string][] = [];
  looks = 0;
  readonly source = {
    pids: () => {
      this.looks++;
      return [...this.processes.keys()];
    },
    row: (pid: number) => {
      const found = this.processes.get(pid);
      return found && { parent: 1, session: pid, start: 0, zombie: false, ...found, pid };
    },
    marks: (pid: number) => this.processes.get(pid)?.marks ?? [],
  };

  add(pid: number, process: FakeProcess = {}): void {
    this.processes.set(pid, process);
  }
}

function pidsOf(table: ProcessTable, mark: string, how?: 'quick' | 'careful'): number[] {
  return (table.members(how).get(mark) ?? []).map(({ pid }) => pid).sort((a, b) => a - b);
}

test('a task has its main process, all below it, its session, and whatever bears its mark', () => {
  const machine = new FakeMachine();
  const table = new ProcessTable(machine.source);
  table.register('m', 10);
  machine.add(1, { session: 1 });
  machine.add(10);
  machine.add(11, { parent: 10, session: 10 });
  machine.add(12, { parent: 11, session: 12 });
  machine.add(13, { parent: 1, session: 10 });
  machine.add(14, { parent: 1, marks: ['m'] });
  machine.add(15, { parent: 14 });
  machine.add(20, { parent: 1, marks: ['another'] });
  machine.add(21, { parent: 10, zombie: true });
  assert.deepEqual(pidsOf(table, 'm'), [10, 11, 12, 13, 14, 15]);
  assert.deepEqual([...table.members().keys()], ['m']);
});

test('what belonged to a task once does so also when all that told is gone', () => {
  const machine = new FakeMachine();
  const table = new ProcessTable(machine.source);
  table.register('m', 10);
  machine.add(10);
  machine.add(11, { parent: 10 });
  assert.deepEqual(pidsOf(table, 'm'), [10, 11]);
  machine.processes.delete(10);
  machine.add(11, { parent: 1 });
  assert.deepEqual(pidsOf(table, 'm'), [11]);
});

test('a pid that is given anew is another process: at once for a careful look, for a quick one when it was gone between', () => {
  const machine = new FakeMachine();
  const table = new ProcessTable(machine.source);
  table.register('m', 10);
  machine.add(10);
  machine.add(11, { parent: 10, start: 5 });
  table.members();
  machine.add(11, { parent: 1, start: 9 });
  assert.deepEqual(pidsOf(table, 'm', 'quick'), [10, 11]);
  assert.deepEqual(pidsOf(table, 'm'), [10]);
  machine.processes.delete(11);
  table.members('quick');
  machine.add(11, { parent: 10, start: 12 });
  assert.deepEqual(pidsOf(table, 'm', 'quick'), [10, 11]);
});

test('a task whose main process got the pid of a stranger is told from it', () => {
  const machine = new FakeMachine();
  const table = new ProcessTable(machine.source);
  machine.add(10);
  table.members();
  table.register('m', 10);
  assert.deepEqual(pidsOf(table, 'm', 'quick'), [10]);
  table.forget('m');
  machine.processes.delete(10);
  table.members();
  machine.add(10, { start: 3 });
  assert.deepEqual(pidsOf(table, 'm'), []);
});

test('parents in a circle do no harm', () => {
  const machine = new FakeMachine();
  const table = new ProcessTable(machine.source);
  machine.add(10, { parent: 11 });
  machine.add(11, { parent: 10 });
  assert.equal(table.members().size, 0);
});

test('the stat line of a process with an odd name is read', () => {
  const rest = '7 8 9 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 123 456';
  const row = { pid: 5, parent: 7, session: 9, start: 4711, zombie: false };
  assert.deepEqual(parseStat(5, `5 (a) S (b) R ${rest}`), row);
  assert.equal(parseStat(5, `5 (x) Z ${rest}`).zombie, true);
  assert.equal(parseStat(5, `5 (x) Z ${rest.replace(' 20 0 1 ', ' 20 0 3 ')}`).zombie, false);
});

function ending() {
  const machine = new FakeMachine();
  const table = new ProcessTable(machine.source);
  const clock = new VirtualClock();
  const ender = new TreeEnder({ table, clock, signal: (pid, name) => void machine.signals.push([pid, name]) });
  const pass = async (milliseconds: number) => {
    for (let left = milliseconds; left > 0; left--) {
      clock.advance(1);
      await settle(3);
    }
  };
  return { machine, table, ender, pass };
}

test('killing goes on until nothing is left, also of what is forked meanwhile', async () => {
  const { machine, table, ender, pass } = ending();
  table.register('m', 10);
  machine.add(10);
  machine.add(99);
  let gone = false;
  void ender.end('m').then(() => {
    gone = true;
  });
  await pass(2);
  assert.deepEqual(machine.signals, [[10, 'SIGKILL']]);
  machine.add(11, { parent: 10 });
  await pass(10);
  assert.ok(machine.signals.some(([pid]) => pid === 11));
  assert.ok(machine.signals.every(([pid]) => pid !== 99));
  machine.processes.delete(10);
  await pass(20);
  assert.ok(!gone);
  machine.processes.delete(11);
  await pass(500);
  assert.ok(gone);
});

test('one look serves all tasks that end at once, and none is made when nobody waits', async () => {
  const { machine, table, ender, pass } = ending();
  for (let pid = 100; pid < 200; pid++) table.register(`m${pid}`, pid);
  let gone = 0;
  for (let pid = 100; pid < 200; pid++) void ender.end(`m${pid}`).then(() => gone++);
  await pass(2);
  assert.deepEqual([gone, machine.looks], [100, 1]);
  await pass(1000);
  assert.equal(machine.looks, 1);
});

test('asking sends SIGTERM once; waiting sends nothing; a kill does not have to wait for the next patient look', async () => {
  const { machine, table, ender, pass } = ending();
  table.register('m', 10);
  table.register('n', 20);
  machine.add(10);
  machine.add(20);
  ender.ask('m');
  let gone = 0;
  void ender.gone('m').then(() => gone++);
  await pass(200);
  assert.deepEqual(machine.signals, [[10, 'SIGTERM']]);
  void ender.end('n').then(() => gone++);
  await pass(2);
  assert.deepEqual(machine.signals.at(-1), [20, 'SIGKILL']);
  assert.ok(machine.signals.every(([pid, name]) => pid !== 10 || name === 'SIGTERM'));
  machine.processes.clear();
  await pass(300);
  assert.equal(gone, 2);
});
