import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessRow, ProcessSource } from './process-table.ts';

/** The environment variable that marks a task's processes, for where the limit cannot. */
export const markVariable = 'MESITA_TASK_MARK';

/** What Linux tells of its processes. Whatever ended meanwhile, or may not be read, is undefined. */
export const procFiles: ProcessSource = {
  pids: () => readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : [])),
  row: (pid) => {
    const stat = read(pid, 'stat');
    return stat === undefined ? undefined : parseStat(pid, stat);
  },
  marks: (pid) => {
    const limit = fileLocksLimit(read(pid, 'limits') ?? '');
    const variable = read(pid, 'environ')
      ?.split('\0')
      .find((entry) => entry.startsWith(`${markVariable}=`));
    return [limit, variable?.slice(markVariable.length + 1)].filter((mark) => mark !== undefined);
  },
};

/** The limit of file locks that this very process runs under; undefined: none. */
export function ownFileLocksLimit(): number | undefined {
  const limit = Number(fileLocksLimit(read('self', 'limits') ?? ''));
  return Number.isFinite(limit) ? limit : undefined;
}

function read(pid: number | 'self', file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
}

function fileLocksLimit(limits: string): string | undefined {
  return /^Max file locks\s+(\S+)/m.exec(limits)?.[1];
}

/** `pid (name) state parent group session …`; the name may hold anything, parentheses too. */
export function parseStat(pid: number, stat: string): ProcessRow {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, , session] = fields;
  return {
    pid,
    parent: Number(parent),
    session: Number(session),
    start: Number(fields[19]),
    // One whose first thread alone has ended is alive.
    zombie: state === 'X' || (state === 'Z' && Number(fields[17]) <= 1),
  };
}
