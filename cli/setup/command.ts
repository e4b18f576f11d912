import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { CommandOptions, CommandResult, RunCommand } from '../../images/ports.ts';

/** Milliseconds from the polite signal to SIGKILL. */
const patience = 10_000;

/**
 * Runs commands as children in a process group of their own, so that Ctrl-C reaches them only through the signal given,
 * and ends with them whatever they have started.
 */
export const runCommand: RunCommand = async (file, args, options = {}) => {
  options.signal?.throwIfAborted();
  const result = await spawnCommand(file, args, options);
  options.signal?.throwIfAborted();
  return result;
};

function spawnCommand(file: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const ending = endingOf(child, options);
    const output = { stdout: '', stderr: '' };
    const collect = (name: 'stdout' | 'stderr') => (chunk: string) => {
      output[name] += chunk;
      ending.heard();
    };
    child.stdout.setEncoding('utf8').on('data', collect('stdout'));
    child.stderr.setEncoding('utf8').on('data', collect('stderr'));
    if (options.onLine !== undefined) followLines([child.stdout, child.stderr], options.onLine);
    child.once('error', (error) => {
      ending.release();
      resolve({ code: 127, ...output, stderr: `${output.stderr}${error.message}\n`, timedOut: false });
    });
    child.once('close', (code) => {
      ending.release();
      const timedOut = ending.timedOut();
      if (timedOut) output.stderr += `${file} did not answer in time and was ended\n`;
      resolve({ code: code ?? 128, ...output, timedOut });
    });
  });
}

function followLines(streams: Readable[], onLine: (line: string) => void): void {
  for (const input of streams) {
    // A progress bar's going back to the start of its line counts as a line's end here.
    createInterface({ input }).on('line', (line) => {
      if (line.trim() !== '') onLine(line.trim());
    });
  }
}

/** Whatever may end a child early: the signal, the timeouts. */
function endingOf(child: ChildProcess, options: CommandOptions) {
  let timedOut = false;
  const timers: NodeJS.Timeout[] = [];
  const kill = (signal: NodeJS.Signals) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It ended in between.
    }
  };
  const end = () => {
    kill('SIGTERM');
    timers.push(setTimeout(kill, patience, 'SIGKILL'));
  };
  const expire = () => {
    timedOut = true;
    end();
  };
  const abort = () => {
    if (options.finishOnAbort === true) child.kill('SIGINT');
    else end();
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.timeout !== undefined) timers.push(setTimeout(expire, options.timeout));
  const silence = options.firstOutput === undefined ? undefined : setTimeout(expire, options.firstOutput);
  return {
    heard: () => clearTimeout(silence),
    timedOut: () => timedOut,
    release: () => {
      clearTimeout(silence);
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
    },
  };
}
