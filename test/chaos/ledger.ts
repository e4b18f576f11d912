import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskPlan } from './workload.ts';

/** What a task itself has written: that it began, and how it ended. Times as in the journal. */
export type LedgerLine = { at: number } & ({ kind: 'start' } | { kind: 'end'; code: number });

/** The exit status of a task that ends on SIGTERM. */
export const terminated = 143;

/**
 * A shell script that does as planned and writes its ledger, a line at each of its ends. /proc/uptime is the clock, since no
 * process is needed to read it. A line is one write of a file opened for appending, so none is lost or mixed.
 */
export function ledgerScript(plan: TaskPlan, directory: string): string {
  const code = plan.end.kind === 'exit' ? plan.end.code : 0;
  const seconds = (plan.duration / 1000).toFixed(2);
  return [
    `ledger=${directory}/${plan.id}`,
    'say() { read up rest < /proc/uptime; echo "$up $1" >> $ledger; }',
    `trap 'say "end ${terminated}"; exit ${terminated}' TERM`,
    'say start',
    // A shell that waits hears the signal at once.
    `sleep ${seconds} & wait $!`,
    `say "end ${code}"; exit ${code}`,
  ].join('\n');
}

export function parseLedger(text: string): LedgerLine[] {
  return text.split('\n').flatMap((line): LedgerLine[] => {
    const found = /^([\d.]+) (start|end (\d+))$/.exec(line);
    if (found === null) return [];
    const at = Math.round(Number(found[1]) * 1000);
    return [found[3] === undefined ? { at, kind: 'start' } : { at, kind: 'end', code: Number(found[3]) }];
  });
}

/** By task. */
export function readLedgers(directory: string): Map<string, LedgerLine[]> {
  if (!existsSync(directory)) return new Map();
  const files = readdirSync(directory);
  return new Map(files.map((task) => [task, parseLedger(readFileSync(join(directory, task), 'utf8'))]));
}
