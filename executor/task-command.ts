import { existsSync, readFileSync } from 'node:fs';
import { decodeMessage } from '../protocol/codec.ts';
import type { CommandInfo, TaskInfo } from '../protocol/messages.ts';
import { markVariable } from '../runtime/proc-files.ts';

/** What is executed: `file`, found along PATH, which is told that its name is `name`. */
export interface Program {
  file: string;
  name: string;
  args: string[];
}

const plainShell = '/bin/sh';

/** The shells that can put a mark on a process before it becomes the program. */
export type MarkingShell = 'bash' | 'sh';

export function findMarkingShell(): MarkingShell {
  return existsSync('/bin/bash') ? 'bash' : 'sh';
}

/**
 * The task's own command, which tasks of a group may have. Others that name an executor may not, so their `data` is it: a
 * CommandInfo in JSON, or else a line for the shell.
 */
export function commandOf({ command, data }: TaskInfo): CommandInfo | undefined {
  if (command !== undefined || data === undefined) return command;
  const bytes = Buffer.from(data, 'base64');
  const decoded = decodeMessage('application/json', 'CommandInfo', bytes);
  return decoded.ok ? decoded.value : { value: bytes.toString() };
}

/** Why this executor cannot run the task as it was asked for; undefined when it can. */
export function unsupported(task: TaskInfo): string | undefined {
  const { container } = task;
  const command = commandOf(task);
  if (command === undefined) return 'This executor runs commands: put one into the data of the task';
  if (command.value === undefined) return 'The command is not specified: command.value is missing';
  if (container?.docker !== undefined || container?.mesos?.image !== undefined) {
    return 'This executor runs tasks as processes in its own container: name the image in the container of the executor';
  }
  if ((container?.volumes ?? []).length > 0) {
    return 'This executor mounts nothing for a task: name the volumes in the container of the executor';
  }
  return undefined;
}

/** `sh -c value`, or execvp of value with the arguments, the first of which is the program's name. */
export function programOf({ shell = true, value = '', arguments: words = [] }: CommandInfo): Program {
  if (shell) return { file: plainShell, name: 'sh', args: ['-c', value] };
  const [name = value, ...args] = words;
  return { file: value, name, args };
}

/**
 * The program with its mark on: a limit of file locks. Linux has not enforced that one since 2.6, so it harms nothing, but it is inherited by all
 * that the program starts, and neither a daemon that leaves its session nor an emptied environment loses it. Where no shell can set it,
 * the mark in the environment has to do.
 */
export function marked({ file, name, args }: Program, mark: string, shell: MarkingShell): Program {
  const isPlain = name === file || file === plainShell;
  // Only this one can give a program another name, and lets variables pass whose names are none to a shell. It takes longer to start.
  if (shell === 'bash' && (file !== plainShell || name !== 'sh')) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own.
    const script = 'ulimit -x "$0" 2>/dev/null; exec -a "$1" "${@:2}"';
    return { file: '/bin/bash', name: 'bash', args: ['-p', '-c', script, mark, name, file, ...args] };
  }
  if (!isPlain) return { file, name, args };
  const script = 'ulimit -w "$0" 2>/dev/null || ulimit -x "$0" 2>/dev/null; exec "$@"';
  return { file: plainShell, name: 'sh', args: ['-c', script, mark, file, ...args] };
}

const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Not for tasks: what lets its bearer speak as the executor, and what only libprocess understands. */
const ownVariables = ['MESOS_EXECUTOR_AUTHENTICATION_TOKEN', 'LIBPROCESS_PORT', 'LIBPROCESS_IP'];

/** The executor's environment, then the task's own, then what tells the task where it is. */
export function environmentOf(
  task: TaskInfo,
  own: Readonly<Record<string, string | undefined>>,
  { directory, mark }: { directory: string; mark: string },
): Record<string, string> {
  const inherited = Object.entries(own).flatMap(([name, value]): [string, string][] =>
    value === undefined || ownVariables.includes(name) ? [] : [[name, value]],
  );
  const role = task.resources?.find((resource) => resource.allocation_info !== undefined)?.allocation_info?.role;
  return {
    PATH: standardPath,
    ...Object.fromEntries(inherited),
    ...(role !== undefined && { MESOS_ALLOCATION_ROLE: role }),
    ...variablesOf(commandOf(task)),
    MESOS_SANDBOX: directory,
    MESOS_TASK_ID: task.task_id.value,
    [markVariable]: mark,
  };
}

/** What a command says of its environment. */
export function variablesOf(command: CommandInfo | undefined): Record<string, string> {
  const given = (command?.environment?.variables ?? []).flatMap(({ name, type, value, secret }): [string, string][] => {
    if (type === 'SECRET') {
      const data = secret?.value?.data;
      return data === undefined ? [] : [[name, Buffer.from(data, 'base64').toString()]];
    }
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(given);
}

export interface Account {
  uid: number;
  gid: number;
}

/** The user by its name or number; undefined when the machine has none of that name. */
export function findAccount(user: string): Account | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const line of lines) {
    const [name, , uid, gid] = line.split(':');
    if (name === user || uid === user) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
