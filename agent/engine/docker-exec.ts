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
/** The variable by which a command's processes are found: all that it starts inherits it. */
const mark = 'MESITA_EXEC';

/** A command's value of the mark; begins with its engine object's, `owner`. */
export function newMark(owner: string): string {
  return `${owner}/${randomUUID()}`;
}

/** The environment of a command with that value of the mark. */
export function markedEnvironment(environment: Readonly<Record<string, string>>, id: string): string[] {
  return Object.entries({ ...environment, [mark]: id }).map(([name, value]) => `${name}=${value}`);
}

/**
 * Runs a command in a container, and returns when it has ended and its output is read.
 * The engine has no call that ends such a process. It is found by a variable in its environment, which all that it starts inherits.
 */
export async function executeInContainer(
  container: Docker.Container,
  command: readonly string[],
  { environment, user, started: onStarted, signal }: ExecOptions,
  { owner, clock }: { owner: string; clock: Clock },
): Promise<ExecResult> {
  signal.throwIfAborted();
  const id = newMark(owner);
  const variables = markedEnvironment(environment, id);
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
    const killed = started.then((source) =>
      signalMarked(container, exec, { id, who, signal: 'SIGKILL' }).finally(() => source.destroy()),
    );
    await Promise.race([killed.catch(() => undefined), sleep(clock, killPatience, patience.signal)]);
    patience.abort();
    throw signal.reason;
  }
}

function read(source: NodeJS.ReadableStream, output: Tail): Promise<void> {
  const sinks = { stdout: output, stderr: output };
  return demultiplex(source as AsyncIterable<Buffer>, sinks, new AbortController().signal);
}

interface Marked {
  /** The mark's value. */
  id: string;
  /** As whom the command runs. */
  who: { User?: string };
  signal: string;
}

/** Sends a signal to all processes of a command that runs in a container. */
export async function signalMarked(container: Docker.Container, exec: Docker.Exec, marked: Marked): Promise<void> {
  const { id, who, signal } = marked;
  await signalFromWithin(container, { own: `${mark}=${id}`, who, signal }).catch(() => undefined);
  // What is to die and still runs has no shell that could have killed it.
  if (signal === 'SIGKILL') await killFromHere(exec, (variable) => variable === `${mark}=${id}`);
}

/** Kills the commands that other engine objects than `owner` have left in a container; those of people are left alone. */
export async function killForsaken(container: Docker.Container, open: (id: string) => Docker.Exec, owner: string) {
  const { ExecIDs } = (await container.inspect()) as { ExecIDs?: string[] | null };
  if (ExecIDs === undefined || ExecIDs === null || ExecIDs.length === 0) return;
  const [own, other] = [`${mark}=`, `${mark}=${owner}/`];
  await signalFromWithin(container, { own, other, who: { User: '0' }, signal: 'SIGKILL' }).catch(() => undefined);
  for (const id of ExecIDs)
    await killFromHere(open(id), (variable) => variable.startsWith(own) && !variable.startsWith(other));
}

/** On another machine, or seen from another container, the number may be somebody else's. */
async function killFromHere(exec: Docker.Exec, isMeant: (variable: string) => boolean): Promise<void> {
  const { Running, Pid } = await exec.inspect();
  if (!Running || Pid === 0) return;
  const environment = await readFile(`/proc/${Pid}/environ`, 'utf8').catch(() => '');
  if (environment.split('\0').some(isMeant)) process.kill(Pid, 'SIGKILL');
}

/**
 * Works wherever the engine is. What is to die is stopped first, lest a shell go on when its child is dead; in several rounds, because a
 * process may start another one just before its end. `own`: what their environment has; `other`: and has not.
 */
async function signalFromWithin(
  container: Docker.Container,
  { own, other, who, signal }: { own: string; other?: string } & Pick<Marked, 'who' | 'signal'>,
): Promise<void> {
  const name = signal.replace(/^SIG/, '');
  const spared = other === undefined ? '' : `grep -qs ${other} "$process/environ" ||`;
  const script = `
    cd /proc
    for signal in ${name === 'KILL' ? 'STOP KILL KILL KILL KILL KILL' : name}; do
      found=
      for process in [0-9]*; do
        grep -qs ${own} "$process/environ" || continue
        ${spared} { found=1; kill -$signal "$process"; }
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
