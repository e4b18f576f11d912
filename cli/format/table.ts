import Table from 'cli-table3';

const none = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
};
const plain = { ...none, left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' };

/** Columns under headings, without lines, as `docker ps` and `kubectl get` print them. */
export function renderTable(headings: string[], rows: string[][], rightAligned: readonly string[] = []): string {
  const table = new Table({
    head: headings,
    chars: plain,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: headings.map((heading) => (rightAligned.includes(heading) ? 'right' : 'left')),
  });
  table.push(...rows);
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

/** `12 s`, `5 min`, `3 h`, `2 d`. */
export function renderAge(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `TASK_RUNNING` → `running`. */
export function renderState(state: string): string {
  return state
    .replace(/^TASK_/, '')
    .toLowerCase()
    .replaceAll('_', ' ');
}
