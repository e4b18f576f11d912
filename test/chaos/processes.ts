import { readdirSync, readFileSync } from 'node:fs';

/** A process that is part of the workload. */
export interface WorkProcess {
  pid: number;
  /** The unit whose executor it is, or the task. */
  id: string;
}

/** Executors that run tasks of an agent with this work directory, in the order of their ids. */
export function executorsBelow(workDirectory: string): WorkProcess[] {
  return found(({ words, environment }) => {
    const [, id] = /(?:^|\0)MESOS_EXECUTOR_ID=([^\0]+)/.exec(environment) ?? [];
    const program = words.find((word) => word.endsWith('ledger-executor.ts') || word.endsWith('executor/main.ts'));
    return program !== undefined && environment.includes(`${workDirectory}/`) ? id : undefined;
  });
}

/** First processes of tasks that write to a ledger, by task. */
export function tasksWith(tasks: readonly string[]): WorkProcess[] {
  return found(({ words }) => {
    const script = words.find((word) => word.startsWith('ledger='));
    const [, id = ''] = /^ledger=\S*\/(\S+)/.exec(script ?? '') ?? [];
    return tasks.includes(id) ? id : undefined;
  });
}

function found(idOf: (process: { words: string[]; environment: string }) => string | undefined): WorkProcess[] {
  const processes = readdirSync('/proc').flatMap((name): WorkProcess[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      const id = idOf({ words, environment: readFileSync(`/proc/${name}/environ`, 'utf8') });
      return id === undefined ? [] : [{ pid: Number(name), id }];
    } catch {
      // It has ended.
      return [];
    }
  });
  return processes.sort((one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : one.pid - other.pid));
}
