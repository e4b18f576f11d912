import { MesitaError } from '../../protocol/errors.ts';
import type { CommandInfo } from '../../protocol/messages.ts';
import type { CheckTarget } from '../../runtime/checks/check-plan.ts';
import type { Probe } from '../../runtime/checks/checker.ts';
import { loopback, NotConnected, probeNetwork } from '../../runtime/checks/network-probe.ts';
import type { ProbeResult } from '../../runtime/checks/verdict.ts';
import type { Engine, ExecResult } from '../engine/engine.ts';
import type { Gate } from '../gate.ts';
import { insideCommand, readInside } from './inside-probe.ts';

/** Where the attempts of a task's checks are made. */
export interface CheckedContainer {
  /** The container that commands run in. */
  name: string;
  /** The container whose network it has: itself, but in a pod. */
  networkOf: string;
  /** Whether that is the network of the host. */
  onHost: boolean;
  /** Whether an argument list is added to `value`, as with images' own tasks, or begins with the program's name, as execvp's. */
  argumentsAfterValue: boolean;
}

export interface ProbeMeans {
  engine: Pick<Engine, 'exec' | 'addresses'>;
  /** Starting a command costs an engine as much as starting a process in a container does: a few at a time. */
  gate: Gate;
}

// Milliseconds. A network that is not reached from here may swallow the attempts.
const connectPatience = 1000;

/** How an attempt is made for a container of this agent's engine. */
export function containerProbe(target: CheckTarget, container: CheckedContainer, means: ProbeMeans): Probe {
  return target.type === 'COMMAND'
    ? new CommandProbe(target.command, container, means)
    : new NetworkProbe(target, container, means);
}

class CommandProbe implements Probe {
  readonly #words: string[];
  readonly #environment: Record<string, string>;
  readonly #container: CheckedContainer;
  readonly #means: ProbeMeans;

  constructor(command: CommandInfo, container: CheckedContainer, means: ProbeMeans) {
    this.#words = wordsOf(command, container);
    this.#environment = Object.fromEntries(
      (command.environment?.variables ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
    );
    this.#container = container;
    this.#means = means;
  }

  turn(): Promise<() => void> {
    return this.#means.gate.enter();
  }

  async attempt(signal: AbortSignal, begun: () => void): Promise<ProbeResult> {
    const options = { environment: this.#environment, signal, started: begun };
    const result = await orSkip(() => this.#means.engine.exec(this.#container.name, this.#words, options));
    return 'type' in result ? result : { type: 'COMMAND', ...result };
  }
}

function wordsOf(
  { shell = true, value = '', arguments: given = [] }: CommandInfo,
  container: CheckedContainer,
): string[] {
  if (shell) return ['/bin/sh', '-c', value];
  return [value, ...(container.argumentsAfterValue ? given : given.slice(1))];
}

/**
 * HTTP and TCP checks speak to loopback in the task's network. From here that is loopback too on the host's network, else an address of
 * the container. Where no connection comes about, because this agent is itself in a container, the network has no address, or the task
 * listens on loopback alone, the attempt is made in the container, with what its image has for that.
 */
class NetworkProbe implements Probe {
  readonly #target: Exclude<CheckTarget, { type: 'COMMAND' }>;
  readonly #container: CheckedContainer;
  readonly #means: ProbeMeans;
  /** What worked last is tried first, and what cannot work no more. */
  #way: 'from here' | 'from within' | 'only from here' = 'from here';

  constructor(target: Exclude<CheckTarget, { type: 'COMMAND' }>, container: CheckedContainer, means: ProbeMeans) {
    this.#target = target;
    this.#container = container;
    this.#means = means;
  }

  async turn(): Promise<() => void> {
    return this.#way === 'from within' ? this.#means.gate.enter() : () => undefined;
  }

  async attempt(signal: AbortSignal, begun: () => void): Promise<ProbeResult> {
    const here = this.#way === 'from within' ? undefined : await this.#fromHere(signal);
    if (here !== undefined && here.type !== 'FAILED') return here;
    const within = this.#way === 'only from here' ? undefined : await this.#fromWithin(signal, begun);
    if (within === undefined) {
      this.#way = 'only from here';
      return this.#refused(here?.why ?? 'it cannot be tried');
    }
    if (within.type === 'HTTP' || (within.type === 'TCP' && within.succeeded)) this.#way = 'from within';
    return within;
  }

  /** FAILED: no connection. */
  async #fromHere(signal: AbortSignal): Promise<ProbeResult> {
    const address = await this.#address();
    if (address === undefined) return { type: 'FAILED', why: `no address of its network is reached from the agent` };
    try {
      return await probeNetwork(this.#target, { address, patience: connectPatience }, signal);
    } catch (error) {
      if (error instanceof NotConnected) return { type: 'FAILED', why: error.message };
      throw error;
    }
  }

  async #address(): Promise<string | undefined> {
    const { onHost, networkOf } = this.#container;
    const { family } = this.#target;
    if (onHost) return loopback(family);
    const addresses = await this.#means.engine.addresses(networkOf).catch(() => []);
    return addresses.find(({ protocol }) => protocol === `IPv${family}`)?.address;
  }

  async #fromWithin(signal: AbortSignal, begun: () => void): Promise<ProbeResult | undefined> {
    const options = { environment: {}, signal, started: begun };
    const command = insideCommand(this.#target);
    const result = await orSkip(() => this.#means.engine.exec(this.#container.name, command, options));
    return 'type' in result ? result : readInside(this.#target, result);
  }

  #refused(why: string): ProbeResult {
    return this.#target.type === 'TCP' ? { type: 'TCP', succeeded: false } : { type: 'FAILED', why };
  }
}

/** A container that has just ended, or an engine that is away, says nothing about the task's health. */
async function orSkip(
  run: () => Promise<ExecResult | undefined>,
): Promise<ExecResult | (ProbeResult & { type: 'SKIPPED' })> {
  try {
    return (await run()) ?? { type: 'SKIPPED', why: 'the container does not run' };
  } catch (error) {
    if (!(error instanceof MesitaError) || error.code !== 'MESITA_ENGINE_UNREACHABLE') throw error;
    return { type: 'SKIPPED', why: error.message };
  }
}
