import Table from 'cli-table3';
import type { Judged, Verdict } from './session-run.ts';

const columns: readonly Verdict[] = ['agrees', 'on purpose', 'not covered', 'differs'];

/** A table with one row a recording. */
export function report(judged: readonly Judged[]): string {
  const table = new Table({ head: ['recording', 'exchanges', ...columns, 'events'], style: { head: [], border: [] } });
  const files = [...new Set(judged.map(({ file }) => file))].sort();
  for (const file of files) table.push([file, ...counts(judged.filter((outcome) => outcome.file === file))]);
  table.push(['all', ...counts(judged)]);
  return `${table.toString()}\n`;
}

function counts(judged: readonly Judged[]): string[] {
  const recorded = judged.reduce((sum, { events }) => sum + (events?.recorded ?? 0), 0);
  const matched = judged.reduce((sum, { events }) => sum + (events?.matched ?? 0), 0);
  const verdicts = columns.map((verdict) => judged.filter((outcome) => outcome.verdict === verdict).length);
  return [`${judged.length}`, ...verdicts.map(String), recorded === 0 ? '' : `${matched} of ${recorded}`];
}

/** Each exchange that does not agree, with what is different in it and why. */
export function reportDifferences(judged: readonly Judged[]): string {
  return judged
    .filter(({ verdict }) => verdict !== 'agrees')
    .map(({ file, name, verdict, unsent, explained }) => {
      const lines = explained.map(
        ({ difference: { path, problem }, reason }) =>
          `    ${path}: ${problem}${reason === undefined ? '' : ` [${reason}]`}`,
      );
      if (unsent !== undefined) lines.push(`    not sent: ${unsent}`);
      return `${verdict.toUpperCase()} ${file}: ${name}\n${lines.join('\n')}\n`;
    })
    .join('');
}
