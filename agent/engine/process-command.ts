import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { MesitaError } from '../../protocol/errors.ts';
import type { ContainerSpec } from './engine.ts';
import type { LaunchOrder } from './process-keeper.ts';

/**
 * The variable in the environment of a container's processes that holds its mark: by it daemons are found that have left session and
 * parents behind. The one thing that a process is given beyond what the spec says.
 */
export const markVariable = 'MESITA_CONTAINER_MARK';

/** What is run, with all that a spec or a call of `exec` says of it. */
export type ProcessSpec = Pick<
  ContainerSpec,
  'name' | 'entrypoint' | 'command' | 'environment' | 'workingDirectory' | 'user' | 'oomScoreAdjust'
>;

/** Who the agent is. */
const self = whoami();

interface Account {
  uid: number;
  /** In decimal. */
  gid: string;
  /** In /etc/passwd; undefined of a bare number. */
  name: string | undefined;
}

/** What a container needs beside the spec. */
export interface RunOptions {
  mark: string;
  /** Where its output goes. */
  stdout: string;
  stderr: string;
  /** The path of this machine's `setpriv`. */
  setpriv: string | undefined;
}

/**
 * How the keeper runs it.
 * Throws MESITA_CONTAINER_INVALID: no such program, directory or user.
 */
export function launchOrder(spec: ProcessSpec, { mark, stdout, stderr, setpriv }: RunOptions): LaunchOrder {
  const { name, workingDirectory: directory = '/', oomScoreAdjust: oomScore } = spec;
  const words = [...switchUser(spec.user, setpriv), ...commandOf(spec)];
  const environment = { ...spec.environment, [markVariable]: mark };
  if ([directory, ...words, ...Object.entries(environment).flat()].some((word) => word.includes('\0')))
    throw invalid(`The command or environment of ${name} has a NUL in it`);
  return { mark, words, environment, directory, stdout, stderr, ...(oomScore === undefined ? {} : { oomScore }) };
}

/**
 * The same for a child of this very process, in whose session nobody else is. `around`: what the command is wrapped into.
 * Throws MESITA_CONTAINER_INVALID.
 */
export function sessionWords(
  spec: ProcessSpec,
  { mark, setpriv }: Pick<RunOptions, 'mark' | 'setpriv'>,
  around: (words: readonly string[]) => readonly string[] = (words) => words,
): string[] {
  const command = commandOf(spec);
  const variables = Object.entries({ ...spec.environment, [markVariable]: mark });
  const clean = [
    'env',
    '-i',
    ...variables.map(([key, value]) => `${key}=${value}`),
    // env would take it for a variable.
    ...((command[0] ?? '').includes('=') ? ['/bin/sh', '-c', 'exec "$@"', 'sh'] : []),
    ...command,
  ];
  // What is around it is to be found by its mark, too.
  return [...switchUser(spec.user, setpriv), 'env', `${markVariable}=${mark}`, ...around(clean)];
}

/** Looks whether it can be executed. */
function commandOf({ name, entrypoint, command, environment, workingDirectory = '/' }: ProcessSpec): string[] {
  const words = [...(entrypoint ?? []), ...(command ?? [])];
  const [program] = words;
  if (program === undefined) throw invalid(`${name} has no command`);
  checkDirectory(workingDirectory);
  findProgram(program, environment.PATH, workingDirectory);
  return words;
}

/** For a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function checkDirectory(path: string): void {
  if (!isAbsolute(path)) throw invalid(`The working directory '${path}' is relative`);
  if (!(statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)) {
    throw invalid(`The working directory ${path} is not a directory of this machine`);
  }
}

/** As execvp looks for it. */
function findProgram(program: string, path: string | undefined, directory: string): void {
  const places = program.includes('/')
    ? [resolve(directory, program)]
    : (path ?? '/bin:/usr/bin').split(':').map((folder) => resolve(directory, folder, program));
  if (!places.some(isExecutable)) throw invalid(`${program}: no such executable on this machine`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** `user` as for docker: a name or a number, and a group after a colon. */
function switchUser(user: string | undefined, setpriv: string | undefined): string[] {
  if (user === undefined || user === '' || user === self.username) return [];
  const account = findAccount(user);
  if (account.uid === self.uid && !user.includes(':')) return [];
  if (self.uid !== 0) throw invalid(`Only an agent that is root can run a process as ${user}`);
  if (setpriv === undefined) throw invalid(`This machine has no setpriv, of util-linux, to run a process as ${user}`);
  const groups = account.name === undefined || user.includes(':') ? '--clear-groups' : '--init-groups';
  return [setpriv, `--reuid=${account.name ?? account.uid}`, `--regid=${account.gid}`, groups];
}

function whoami(): { uid: number; username: string | undefined } {
  try {
    return userInfo();
  } catch {
    return { uid: process.getuid?.() ?? 0, username: undefined };
  }
}

function findAccount(user: string): Account {
  const [who = '', group] = user.split(':');
  const entry = linesOf('/etc/passwd').find(([name, , uid]) => name === who || uid === who);
  if (entry === undefined && !/^\d+$/.test(who)) throw invalid(`There is no user ${who} on this machine`);
  const gid = group === undefined ? (entry?.[3] ?? who) : findGroup(group);
  return { uid: Number(entry?.[2] ?? who), gid, name: entry?.[0] };
}

function findGroup(group: string): string {
  const entry = linesOf('/etc/group').find(([name, , gid]) => name === group || gid === group);
  if (entry?.[2] !== undefined) return entry[2];
  if (/^\d+$/.test(group)) return group;
  throw invalid(`There is no group ${group} on this machine`);
}

function linesOf(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}

export function invalid(message: string): MesitaError {
  return new MesitaError('MESITA_CONTAINER_INVALID', { message });
}
