import { styleText } from 'node:util';
import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'child' | 'level'>;

export type LogFormat = 'text' | 'json';

interface LogLine {
  level: number;
  time: number;
  msg?: string;
  [key: string]: unknown;
}

const levelNames: Record<number, string> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

export interface LogOptions {
  level: string;
  format: LogFormat;
  name: string;
  /** Whether stderr has warnings and errors only. */
  quiet?: boolean;
  /** Gets all lines, too, those that a quiet stderr lacks included. */
  file?: { write(line: string): void } | undefined;
}

/** Lines on stderr: JSON for collectors, or text for people (coloured on a terminal unless NO_COLOR is set). */
export function createLog({ level, format, name, quiet = false, file }: LogOptions): Log {
  const base = { daemon: name };
  const colour = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  const written = (stream: { write(line: string): unknown }, colour: boolean): DestinationStream =>
    format === 'json' ? stream : { write: (line) => void stream.write(renderText(line, colour)) };
  const stderr = written(process.stderr, colour);
  if (file === undefined) return pino({ level: quiet ? 'warn' : level, base }, stderr);
  const streams = [
    { level: quiet ? 'warn' : 'debug', stream: stderr },
    { level: 'debug', stream: written(file, false) },
  ];
  return pino({ level, base }, pino.multistream(streams));
}

/** A log that says nothing, for tests and for commands that run a daemon inside. */
export const silentLog: Log = pino({ level: 'silent' });

function renderText(line: string, colour: boolean): string {
  const { level, time, msg, daemon, ...fields } = JSON.parse(line) as LogLine;
  const label = (levelNames[level] ?? String(level)).padEnd(5);
  const shown =
    colour && level >= 40 ? styleText(level >= 50 ? 'red' : 'yellow', label, { validateStream: false }) : label;
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${new Date(time).toISOString()} ${shown} ${String(daemon)}: ${msg ?? ''}${rest.join('')}\n`;
}
