import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { procFiles } from '../../runtime/proc-files.ts';
import type { LogSinks } from './engine.ts';
import type { ProcessContainer } from './process-container.ts';
import { hostError, sendSignal } from './process-host.ts';
import { standardPath } from './process-keeper.ts';
import type { ProcessLives } from './process-lives.ts';
import { handOn } from './process-logs.ts';
import { resizeTerminal } from './process-terminal.ts';
import type { EngineSession, WindowSize } from './session.ts';

export interface ProcessSessionOptions {
  /** What is executed; on a terminal, script(1) with all of it. */
  words: readonly string[];
  terminal: boolean;
  sinks: LogSinks;
  lives: ProcessLives;
  /** Lets go of its input and output. */
  closing: AbortSignal;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * A command beside a container's own that somebody talks with. It is this process' own child, since its input and output are: what is
 * left of it when this process was killed is found by its mark (ProcessLives.takeOver). Throws MESITA_ENGINE_FAILED.
 */
export async function openProcessSession(
  run: ProcessContainer,
  options: ProcessSessionOptions,
): Promise<EngineSession> {
  const { words, terminal, sinks, lives, closing } = options;
  const [program = '', ...others] = words;
  const environment = { PATH: standardPath, SHELL: '/bin/sh' };
  const child = spawn(program, others, {
    cwd: run.spec.workingDirectory ?? '/',
    env: environment,
    // A session of its own.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Whoever writes into it may do so when it has ended.
  child.stdin.on('error', () => undefined);
  if (child.pid === undefined) throw hostError(`start ${run.name}`, (await once(child, 'error'))[0]);
  const own = procFiles.row(process.pid);
  if (own === undefined) throw hostError(`start ${run.name}`, new Error('/proc does not tell of this process'));
  child.once('exit', (code, signal) => {
    const exitStatus = signal === null ? (code ?? 0) : 128 + constants.signals[signal];
    lives.hear({ kind: 'ended', mark: run.mark, exitStatus });
  });
  const start = procFiles.row(child.pid)?.start ?? 0;
  lives.adopt(run, { pid: child.pid, start, keeper: own });
  const close = () => letGo(child);
  closing.addEventListener('abort', close);
  return {
    input: child.stdin,
    resize: (size: WindowSize) =>
      terminal ? resizeTerminal(child.pid ?? 0, size, run.over.promise) : Promise.resolve(),
    signal: async (name) => signalAll(run, name, { lives, spared: terminal ? child.pid : undefined }),
    ended: endOf(child, run, sinks, closing).finally(() => {
      closing.removeEventListener('abort', close);
      close();
    }),
  };
}

async function endOf(
  child: Child,
  run: ProcessContainer,
  sinks: LogSinks,
  closing: AbortSignal,
): Promise<{ exitCode: number }> {
  const copies = [handOn(child.stdout, sinks.stdout, closing), handOn(child.stderr, sinks.stderr, closing)];
  await Promise.allSettled(copies);
  await run.over.promise;
  return { exitCode: run.exit?.exitCode ?? 128 + constants.signals.SIGKILL };
}

/** `spared`: script(1), which would take the terminal away; it ends with what it runs. */
async function signalAll(
  run: ProcessContainer,
  name: string,
  { lives, spared }: { lives: ProcessLives; spared: number | undefined },
): Promise<void> {
  if (name === 'SIGKILL') return lives.kill(run);
  if (!(name in constants.signals)) return;
  for (const { pid } of lives.table.members().get(run.mark) ?? [])
    if (pid !== spared) sendSignal(pid, name as NodeJS.Signals);
}

function letGo(child: Child): void {
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  child.unref();
}
