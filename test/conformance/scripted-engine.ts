import { execFileSync } from 'node:child_process';
import type { ContainerSpec, ContainerUsage } from '../../agent/engine/engine.ts';
import { MesitaError } from '../../protocol/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { runSession } from './scripted-session.ts';

/** Images that were on the machine of the recordings; every other pull failed there. */
const images = ['default:1', 'bb:1'];

/** Milliseconds that the shortest program takes. */
const shortest = 100;

/** A sleep lasts so many times longer, so that a slow machine asks about a task while it still runs. */
const drowsiness = 4;

/** Seconds of sleep beyond which a program runs for good: no session waits that long. */
const endless = 100;

/**
 * Containers that behave as the recorded tasks did: `sleep`, `exit`, `kill -9 $$`, a trap for SIGTERM. As on the machine
 * of the recordings there is neither a bridge nor a registry.
 */
export class ScriptedEngine extends FakeEngine {
  readonly #clock: Clock;
  /** Executors that have ended, though their containers may not have begun. */
  readonly #over = new Set<string>();
  readonly #attempts = new Map<string, number>();
  readonly #flaps: { health: number; check: number };

  constructor(clock: Clock, flaps = { health: 0, check: 0 }) {
    super({
      images,
      // Of the programs that a container was to run itself, it is the first process, which SIGTERM does nothing to.
      program: (spec) => ({ ignoresTerm: /trap/.test(programOf(spec)) || spec.image === 'bb:1' }),
      exec: ({ name }, command) => {
        const result = { exitCode: this.#checked(name, command), output: answerTo(command) };
        return new Promise((resolve) => void this.#clock.after(shortest / 2, () => resolve(result)));
      },
      session: ({ command, options, sinks, input }) =>
        runSession(this.#clock, command.at(-1) ?? '', sinks, input, options.terminal !== undefined),
    });
    this.#clock = clock;
    this.#flaps = flaps;
  }

  override async ensureImage(...[image, options]: Parameters<FakeEngine['ensureImage']>): Promise<void> {
    const error = new Error(`Cannot pull ${image}: no registry answers`);
    if (options.force || !images.includes(image)) this.scriptPull(image, { error });
    return super.ensureImage(image, options);
  }

  override async create(spec: ContainerSpec): Promise<void> {
    // That image has no command of its own.
    if (spec.image === 'bb:1' && programOf(spec) === '')
      throw new MesitaError('MESITA_CONTAINER_INVALID', { message: 'no command specified' });
    return super.create(spec);
  }

  /** A program that traps SIGTERM ends as it says. */
  override async stop(name: string, graceSeconds: number): Promise<void> {
    const { spec, state } = this.container(name) ?? {};
    const [, code] = /trap ".*exit (\d+)" TERM/.exec(spec === undefined ? '' : programOf(spec)) ?? [];
    if (code !== undefined && state === 'running') this.exit(name, Number(code));
    return super.stop(name, graceSeconds);
  }

  override async start(name: string): Promise<void> {
    const spec = this.container(name)?.spec;
    const network = spec?.network.mode;
    if (network === 'bridge' || network === 'user')
      throw new MesitaError('MESITA_ENGINE_FAILED', { message: 'there is no bridge' });
    if (spec !== undefined && isAbsent(spec)) {
      const message = `exec: "${programOf(spec)}": no such file or directory`;
      throw new MesitaError('MESITA_CONTAINER_INVALID', { message });
    }
    await super.start(name);
    if (spec === undefined) return;
    this.#write(name, spec);
    if (this.#over.has(spec.environment.MESOS_EXECUTOR_ID ?? '')) this.#end(name, 0, shortest);
    else this.#run(name, programOf(spec));
  }

  override async usage(name: string): Promise<ContainerUsage | undefined> {
    if (this.container(name)?.state !== 'running') return undefined;
    return { cpuUserSeconds: 0.05, cpuSystemSeconds: 0.02, mem: 50 };
  }

  /** Ends the containers of an executor, as it would itself. */
  endExecutor(id: string): void {
    this.#over.add(id);
    for (const name of this.machine.containers.keys()) {
      const { spec, state } = this.container(name) ?? {};
      if (state === 'running' && spec?.environment.MESOS_EXECUTOR_ID === id) this.exit(name, 0);
    }
  }

  /** What makes files is run on this machine, in the sandbox, up to where it would sleep. */
  #write(name: string, { command, mounts }: ContainerSpec): void {
    const script = command?.at(-1)?.replace(/; sleep \d+$/, '') ?? '';
    const sandbox = mounts.findLast((mount) => mount.kind === 'bind')?.hostPath;
    if (!/mkdir/.test(script) || sandbox === undefined) return;
    const stdout = execFileSync('/bin/sh', ['-c', script], { cwd: sandbox, stdio: ['ignore', 'pipe', 'ignore'] });
    this.write(name, 'stdout', stdout.toString());
  }

  /** The end of a check's command, which in some depends on how often it ran before. */
  #checked(name: string, command: readonly string[]): number {
    const attempt = (this.#attempts.get(name) ?? 0) + 1;
    this.#attempts.set(name, attempt);
    const script = command.join(' ');
    const most = /n%3/.test(script) ? this.#flaps.check : /rm x/.test(script) ? this.#flaps.health : 0;
    if (attempt === most) this.#end(name, 0, shortest * 2);
    if (/n%3/.test(script)) return attempt % 3;
    if (/rm x/.test(script)) return attempt % 2;
    // An HTTP or TCP check, which the recorded master and agent answer.
    if (/curl|proc\/net/.test(script)) return 0;
    return /^\S+ -c false$/.test(script) ? 1 : exitCodeOf(script);
  }

  #run(name: string, program: string): void {
    const seconds = Number(/sleep (\d+)/.exec(program)?.[1] ?? 0);
    if (seconds >= endless || /while|trap/.test(program)) return;
    this.#end(name, exitCodeOf(program), Math.max(shortest, seconds * 1000 * drowsiness));
  }

  #end(name: string, exitCode: number, milliseconds: number): void {
    this.#clock.after(milliseconds, () => {
      if (this.container(name)?.state === 'running') this.exit(name, exitCode);
    });
  }
}

/** What curl would print of the recorded master and agent, which health checks asked. */
function answerTo(command: readonly string[]): string {
  const url = command.find((word) => word.startsWith('http://'));
  if (url === undefined) return '';
  return url.endsWith('/health') ? '200' : '404';
}

function programOf(spec: ContainerSpec): string {
  return [...(spec.entrypoint ?? []), ...(spec.command ?? [])].join(' ');
}

function isAbsent(spec: ContainerSpec): boolean {
  return /^\/(nonexistent|no\/such)/.test(programOf(spec));
}

function exitCodeOf(text: string): number {
  if (/kill -9 \$\$/.test(text)) return 137;
  return Number(/exit (\d+)/.exec(text)?.[1] ?? 0);
}
