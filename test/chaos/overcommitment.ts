import { isTerminal } from '../../protocol/task-state.ts';
import type { Evidence, Violation } from './checker.ts';
import type { JournalLine } from './journal.ts';
import { agentResources } from './shape.ts';
import { executorDemand, taskDemand, type Unit } from './workload.ts';

/** Milliseconds around its ends in which a task need not count. */
const margin = 500;
const names = ['cpus', 'mem'] as const;

/**
 * At each offer: what tasks of that host are running, by their own word, together with all of the host's offers that are open, is not more than
 * it has. The scheduler's belief does not count, since what it hears of an end may be late.
 */
export function findOvercommitment({ units, journal, ledgers }: Evidence): Violation[] {
  const open = new Map<string, JournalLine & { kind: 'offer' }>();
  const hosts = new Map<string, string>();
  const ends = new Map<string, number>();
  for (const line of journal) {
    if (line.kind === 'launch') hosts.set(line.unit, line.host);
    if (line.kind === 'update' && isTerminal(line.state) && !ends.has(line.task)) ends.set(line.task, line.at);
  }
  const violations: Violation[] = [];
  for (const line of journal) {
    if (line.kind === 'launch' || line.kind === 'rescinded' || line.kind === 'declined') open.delete(line.offer);
    if (line.kind === 'disconnected' || line.kind === 'life' || line.kind === 'subscribed') open.clear();
    if (line.kind !== 'offer') continue;
    open.set(line.offer, line);
    for (const name of names) {
      const offered = sum([...open.values()].filter(({ host }) => host === line.host).map((offer) => offer[name]));
      const used = sum(units.map((unit) => (hosts.get(unit.id) === line.host ? usedBy(unit, name, line.at) : 0)));
      if (offered + used <= agentResources[name] + 1e-6) continue;
      const why = `${offered} of ${name} offered (${line.offer}) while tasks run on ${used} of ${agentResources[name]}`;
      violations.push({ kind: 'overcommitted', what: line.host, why });
    }
  }
  return violations;

  function usedBy(unit: Unit, name: (typeof names)[number], at: number): number {
    const running = unit.tasks.filter(({ id }) => isRunning(id, at)).length;
    if (running === 0) return 0;
    const own = unit.kind === 'docker' || unit.kind === 'command' ? 0 : executorDemand[name];
    return own + running * taskDemand[name];
  }

  /** One without an end of its own, since it was killed with -9, does not count. */
  function isRunning(task: string, at: number): boolean {
    const ledger = ledgers.get(task) ?? [];
    const start = ledger.find(({ kind }) => kind === 'start')?.at;
    const end = ledger.find(({ kind }) => kind === 'end')?.at;
    if (start === undefined || start > at - margin) return false;
    return end === undefined ? false : at < end - margin;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
