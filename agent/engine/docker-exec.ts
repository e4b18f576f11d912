import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import type Docker from 'dockerode';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { abortable } from './docker-connection.ts';
import { demultiplex } from './docker-logs.ts';
import type { ExecOptions, ExecResult } from './engine.ts';

// Milliseconds that the end of a given-up process is waited for: an engine that hangs must not hold up its caller.
const killPatience = 5000;
const mark = 'MESITA_EXEC';

/**
 * Runs a command in a container, and returns when it has ended and its output is read.
 * The engine has no call that ends such a process. It is found by a variable in its environment, which all that it starts inherits.
 */
export async function executeInContainer(
  container: Docker.Container,
  command: readonly string[],
  { environment, user, started: onStarted, signal }: ExecOptions,
  clock: Clock,
): Promise<ExecResult> {
  signal.throwIfAborted();
  const id = randomUUID();
  const variables = Object.entries({ ...environment, [mark]: id }).map(([name, value]) => `${name}=${value}`);
  const who = user === undefined ? {} : { User: user };
  const exec = await abortable(
    container.exec({ Cmd: [...command], Env: variables, ...who, AttachStdout: true, AttachStderr: true }),
    signal,
  );
  const output = new Tail();
  const started = exec.start({ Detach: false, Tty: false });
  try {
    const source = await abortable(started, signal);
    onStarted?.();
    await abortable(read(source, output), signal);
    const { ExitCode } = await abortable(exec.inspect(), signal);
    return { exitCode: ExitCode ?? 0, output: output.text() };
  } catch (error) {
    if (!signal.aborted) throw error;
    const patience = new AbortController();
    // The process may be about to start: what is not there yet cannot be killed.
    const killed = started.then((source) => kill(container, exec, id, who).finally(() => source.destroy()));
    await Promise.race([killed.catch(() => undefined), sleep(clock, killPatience, patience.signal)]);
    patience.abort();
    throw signal.reason;
  }
}

function read(source: NodeJS.ReadableStream, output: Tail): Promise<void> {
  const sinks = { stdout: output, stderr: output };
  return demultiplex(source as AsyncIterable<Buffer>, sinks, new AbortController().signal);
}

async function kill(container: Docker.Container, exec: Docker.Exec, id: string, who: { User?: string }): Promise<void> {
  await killFromWithin(container, id, who).catch(() => undefined);
  const { Running, Pid } = await exec.inspect();
  if (!Running || Pid === 0) return;
  // The container has no shell. On another machine, or seen from another container, the number may be somebody else's.
  const environment = await readFile(`/proc/${Pid}/environ`, 'utf8').catch(() => '');
  if (environment.split('\0').includes(`${mark}=${id}`)) process.kill(Pid, 'SIGKILL');
}

/** Works wherever the engine is. Several rounds, because a process may start another one just before its end. */
async function killFromWithin(container: Docker.Container, id: string, who: { User?: string }): Promise<void> {
  const script = `
    cd /proc
    for round in 1 2 3 4 5; do
      found=
      for process in [0-9]*; do
        if grep -qs ${mark}=${id} "$process/environ"; then found=1; kill -9 "$process"; fi
      done
      [ -n "$found" ] || exit 0
    done`;
  const killer = await container.exec({ Cmd: ['sh', '-c', script], ...who, AttachStdout: true, AttachStderr: true });
  await read(await killer.start({ Detach: false, Tty: false }), new Tail());
}

const mostKept = 1024;

/** Keeps the end of what is written to it. */
class Tail extends Writable {
  #bytes = Buffer.alloc(0);

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-mostKept);
    done();
  }

  text(): string {
    return this.#bytes.toString();
  }
}
