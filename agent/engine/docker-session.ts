import type Docker from 'dockerode';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { markedEnvironment, newMark, signalMarked } from './docker-exec.ts';
import { demultiplex, passThrough } from './docker-logs.ts';
import type { LogSinks } from './engine.ts';
import type { EngineSession, SessionOptions, WindowSize } from './session.ts';

// The engine takes a size only when the process is there, a moment after it answered that it is.
const resizeAttempts = 20;
const resizePauseMs = 25;
// What closed its output may go on for long.
const shortestLookMs = 20;
const longestLookMs = 1_000;
/** What is said of a command whose container went away with it. */
const killed = 137;

/** Runs a command in a container with its input and output at hand; the connection breaks when `closing` aborts. */
export async function openSession(
  container: Docker.Container,
  command: readonly string[],
  sinks: LogSinks,
  options: SessionOptions & { owner: string; clock: Clock; closing: AbortSignal },
): Promise<EngineSession> {
  const { environment, user, terminal, owner, clock, closing } = options;
  const id = newMark(owner);
  const variables = markedEnvironment(environment, id);
  const who = user === undefined ? {} : { User: user };
  const Tty = terminal !== undefined;
  const size = terminal?.rows && terminal.columns ? { rows: terminal.rows, columns: terminal.columns } : undefined;
  const exec = await container.exec({
    Cmd: [...command],
    Env: variables,
    ...who,
    // Engines before API 1.42 know nothing of it: for them the size is set below.
    ...(size === undefined ? {} : { ConsoleSize: [size.rows, size.columns] }),
    Tty,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const connection = await exec.start({ hijack: true, stdin: true, Tty });
  // The reader of its output hears of errors; without a listener they would end this process.
  connection.on('error', () => undefined);
  const close = () => connection.destroy();
  closing.addEventListener('abort', close);
  const session: EngineSession = {
    input: connection,
    resize: (wanted) => resize(exec, wanted, clock, closing),
    signal: (signal) => signalMarked(container, exec, { id, who, signal }).catch(() => undefined),
    ended: endOf(exec, (Tty ? passThrough : demultiplex)(connection, sinks, closing), clock, closing).finally(() => {
      closing.removeEventListener('abort', close);
      close();
    }),
  };
  if (size !== undefined) await session.resize(size);
  return session;
}

async function endOf(
  exec: Docker.Exec,
  output: Promise<void>,
  clock: Clock,
  closing: AbortSignal,
): Promise<{ exitCode: number }> {
  try {
    await output.catch(() => undefined);
    for (let pause = shortestLookMs; ; pause = Math.min(2 * pause, longestLookMs)) {
      const { Running, ExitCode } = await exec.inspect();
      if (!Running) return { exitCode: ExitCode ?? killed };
      closing.throwIfAborted();
      await sleep(clock, pause, closing);
    }
  } catch {
    return { exitCode: killed };
  }
}

async function resize(exec: Docker.Exec, size: WindowSize, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < resizeAttempts && !signal.aborted; attempt += 1) {
    try {
      await exec.resize({ h: size.rows, w: size.columns });
      return;
    } catch {
      const { Running } = await exec.inspect().catch(() => ({ Running: false }));
      if (!Running && attempt > 0) return;
      await sleep(clock, resizePauseMs, signal);
    }
  }
}
