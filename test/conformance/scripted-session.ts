import type { PassThrough } from 'node:stream';
import type { LogSinks } from '../../agent/engine/engine.ts';
import type { Clock } from '../../runtime/clock.ts';

/** As the tasks of the scripted engine, so that a slow machine asks while it runs. */
const drowsiness = 4;

/** Milliseconds between two things that a program does. */
const moment = 50;

/** A nested container's command as the recorded ones were: `echo`, `sleep`, `exit`; and `cat` on a terminal, for good. */
export async function runSession(
  clock: Clock,
  script: string,
  sinks: LogSinks,
  input: PassThrough,
  terminal: boolean,
): Promise<number> {
  const pause = (milliseconds: number) => new Promise<void>((resolve) => void clock.after(milliseconds, resolve));
  if (script === 'cat') {
    input.on('data', (typed: Buffer) => {
      const line = terminal ? typed.toString().replace('\n', '\r\n') : typed.toString();
      // What is typed, and what the program says.
      if (terminal) sinks.stdout.write(line);
      sinks.stdout.write(line);
    });
    return new Promise(() => undefined);
  }
  for (const part of script.split(/; */)) {
    const [, word, to] = /^echo (\w+)( >&2)?$/.exec(part) ?? [];
    if (word !== undefined) sinks[to === undefined ? 'stdout' : 'stderr'].write(`${word}\n`);
    await pause(Math.max(moment, Number(/^sleep (\d+)/.exec(part)?.[1] ?? 0) * 1000 * drowsiness));
  }
  return Number(/exit (\d+)/.exec(script)?.[1] ?? 0);
}
