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
    return [limit, variableOf(pid, markVariable)].filter((mark) => mark !== undefined);
  },
};

/** The same, of processes whose mark is in that variable of their environment. */
export function procFilesMarkedBy(name: string): ProcessSource {
  return { ...procFiles, marks: (pid) => [variableOf(pid, name)].filter((mark) => mark !== undefined) };
}

/** What a process uses. Times in clock ticks, of which Linux tells 100 a second. */
export interface ProcessFigures {
  parent: number;
  /** See `ProcessRow.start`. */
  start: number;
  userTicks: number;
  systemTicks: number;
  residentPages: number;
}

/** Undefined of one that has ended. */
export function processFigures(pid: number): ProcessFigures | undefined {
  const fields = read(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ')
    .map(Number);
  if (fields === undefined) return undefined;
  const wanted = [1, 11, 12, 19, 21].map((at) => fields[at]);
  const [parent = 0, userTicks = 0, systemTicks = 0, start = 0, residentPages = 0] = wanted;
  return { parent, start, userTicks, systemTicks, residentPages };
}

/** Bytes in use by a process, its share of what it shares; undefined where that may not be read. */
export function proportionalMemory(pid: number): number | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(read(pid, 'smaps_rollup') ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** The limit of file locks that this very process runs under; undefined: none. */
export function ownFileLocksLimit(): number | undefined {
  const limit = Number(fileLocksLimit(read('self', 'limits') ?? ''));
  return Number.isFinite(limit) ? limit : undefined;
}

function read(pid: number | 'self', file: 'stat' | 'limits' | 'environ' | 'smaps_rollup'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
}

function variableOf(pid: number, name: string): string | undefined {
  const entry = read(pid, 'environ')
    ?.split('\0')
    .find((each) => each.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
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
