import { resolve } from 'node:path';
import { boolean, type Flag, oneOf, text } from './flags.ts';

/** What every daemon is told about its log. */
export const logFlags = {
  log_level: {
    form: 'LEVEL',
    help: 'debug, info, warn or error.',
    default: 'info',
    mesos: false,
    parse: oneOf('debug', 'info', 'warn', 'error'),
  },
  log_format: {
    form: 'FORMAT',
    help: 'text for people, json for collectors.',
    default: 'text',
    mesos: false,
    parse: oneOf('text', 'json'),
  },
  log_dir: {
    form: 'DIRECTORY',
    help: 'Where to write the log, too, as mesita-master.INFO or mesita-agent.INFO, which is put away at 100 MB; one daemon of a kind a directory. It is shown at /files as /master/log or /slave/log.',
    mesos: true,
    parse: text,
  },
  external_log_file: {
    form: 'PATH',
    help: 'A file that something else writes the log to, to be shown in place of that in --log_dir.',
    mesos: true,
    parse: text,
  },
  quiet: {
    form: '',
    help: 'Log warnings and errors only; in --log_dir all the same.',
    default: 'false',
    mesos: true,
    parse: boolean,
  },
} as const satisfies Record<string, Flag<unknown>>;

interface LogPlaces {
  log_dir?: string | undefined;
  external_log_file?: string | undefined;
}

/** The file in --log_dir. */
export function logFileIn(directory: string, daemon: 'master' | 'agent'): string {
  return resolve(directory, `mesita-${daemon}.INFO`);
}

/** The file that is shown as a daemon's log, by the name that it is asked for; none where there is none. */
export function attachedLog(
  { log_dir, external_log_file }: LogPlaces,
  daemon: 'master' | 'agent',
): Readonly<Record<string, string>> {
  const name = daemon === 'master' ? '/master/log' : '/slave/log';
  if (external_log_file !== undefined) return { [name]: resolve(external_log_file) };
  return log_dir === undefined ? {} : { [name]: logFileIn(log_dir, daemon) };
}

/** The two members of `/state` that tell dashboards whether there is a log to show. */
export function logPlaces(flags: Readonly<Record<string, string>>): LogPlaces {
  return { log_dir: flags.log_dir, external_log_file: flags.external_log_file };
}
