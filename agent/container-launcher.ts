import { rm } from 'node:fs/promises';
import { describeError, MesitaError } from '../protocol/errors.ts';
import type { TaskStatusReason } from '../protocol/messages.ts';
import type { Fetcher } from '../runtime/fetcher/fetcher.ts';
import type { Log } from '../runtime/log.ts';
import { type ContainerPlan, type ContainerSettings, planContainer } from './container-plan.ts';
import type { ContainerSpec, Engine } from './engine/engine.ts';
import { planExecutor } from './executor-plan.ts';
import { Gate } from './gate.ts';
import { credentialsOfRun } from './image-access.ts';
import type { LaunchMetrics } from './metrics.ts';
import { planHolder } from './pod-plan.ts';
import { isPod } from './pods.ts';
import { asHostProcess, noContainerizer } from './process-plan.ts';
import type { DockerConfig } from './registry-credentials.ts';
import { makeMountedDirectories, makeSandbox, openSandbox } from './sandboxes.ts';
import type { Run } from './state.ts';

export interface LaunchObserver {
  progress(run: Run, message: string): void;
  /** Everything is there; the container is being made. */
  starting(run: Run): void;
  started(run: Run, addresses: Run['addresses']): void;
  failed(run: Run, failure: { reason?: TaskStatusReason; message: string }): void;
}

export interface LauncherOptions {
  engine: Engine;
  fetcher: Fetcher;
  settings: ContainerSettings;
  /** What the agent knows of registries. */
  registries: DockerConfig;
  /** Containers being created or started at a time: an engine gets slower beyond a few. */
  concurrency: number;
  observer: LaunchObserver;
  log: Log;
  /** Whoever removes old images. */
  images: { use(container: string, image: string): void; pulled(image: string): Promise<void> };
  /** Whoever removes old sandboxes. */
  sandboxes: { keep(sandbox: string): Promise<void> };
  /** Takes a container's output from its start on. */
  output: { attach(run: Run): Promise<void>; drop(run: Run): void };
  metrics: LaunchMetrics;
  /** What is still to be said of a container that was planned. */
  change?: (run: Run, spec: ContainerSpec) => ContainerSpec;
}

/**
 * Brings tasks and executors to life, step by step: sandbox → URIs → directories → image → container → start. The long steps of many run side by
 * side; making and starting containers goes through a gate. A launch can be given up at any step and leaves no container.
 */
export class ContainerLauncher {
  readonly #options: LauncherOptions;
  readonly #gate: Gate;
  readonly #underWay = new Map<string, AbortController>();

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#gate = new Gate(options.concurrency);
  }

  /** Whether containers are being made now: what can wait does. Host processes are removed without any work to speak of. */
  get busy(): boolean {
    return this.#gate.busy && this.#options.settings.hostProcesses === undefined;
  }

  abort(run: Run): void {
    this.#underWay.get(run.containerName)?.abort(new Error('The launch was given up'));
  }

  /** All that are under way are given up: the agent goes. */
  abortAll(): void {
    for (const controller of this.#underWay.values()) controller.abort(new Error('The agent stops'));
  }

  /** `again`: what an earlier run of the agent left of the launch goes first. */
  async launch(run: Run, again = false): Promise<void> {
    const controller = new AbortController();
    this.#underWay.set(run.containerName, controller);
    try {
      if (again) await this.#clear(run);
      await this.#launch(run, controller.signal);
    } catch (error) {
      this.#options.observer.failed(run, failureOf(error));
    } finally {
      this.#underWay.delete(run.containerName);
    }
  }

  /** What an earlier run of the agent launched is there, and in use. */
  async resume(run: Run): Promise<void> {
    const { images, sandboxes, settings } = this.#options;
    const plan = planOf(run, settings);
    if (plan !== undefined && !('error' in plan)) images.use(run.containerName, plan.image);
    await sandboxes.keep(run.sandbox);
  }

  /** A container that was made and never started, and what was fetched of its files. */
  async #clear(run: Run): Promise<void> {
    await this.#options.engine.remove(run.containerName);
    await this.#options.sandboxes.keep(run.sandbox);
    await rm(run.sandbox, { recursive: true, force: true });
  }

  async #launch(run: Run, signal: AbortSignal): Promise<void> {
    const { engine, settings, observer } = this.#options;
    const plan = planOf(run, settings);
    if (plan !== undefined && 'error' in plan) throw new PlanProblem(plan.error);
    await this.#options.sandboxes.keep(run.sandbox);
    await makeSandbox(run);
    const opened = openSandbox(run);
    // Waited for before the start; a failure before that must not go unheard.
    opened.catch(() => undefined);
    if (plan === undefined) {
      await opened;
      signal.throwIfAborted();
      return observer.started(run, []);
    }
    await this.#fetch(run, signal);
    await makeMountedDirectories(run, plan.spec.mounts);
    const progress = (sentence: string) => observer.progress(run, sentence);
    const asked = performance.now();
    const credentials = await credentialsOfRun(run, plan.image, this.#options.registries);
    const access = credentials === undefined ? {} : { credentials };
    const { images } = this.#options;
    images.use(run.containerName, plan.image);
    let isNew = false;
    const pulled = () => {
      isNew = true;
    };
    await engine.ensureImage(plan.image, { ...access, force: plan.forcePull, signal, progress, pulled });
    if (isNew) await images.pulled(plan.image);
    this.#options.metrics.imagePull.record(performance.now() - asked);
    await this.#gate.pass(() => this.#start(run, plan.spec, opened, signal));
    // Outside the gate: the next container need not wait for what only this one's status tells.
    await this.#tellStarted(run, plan.spec);
  }

  async #fetch(run: Run, signal: AbortSignal): Promise<void> {
    const uris = run.info.command?.uris ?? [];
    if (uris.length === 0) return;
    const progress = (sentence: string) => this.#options.observer.progress(run, sentence);
    const wanted = uris.map(({ value, executable, extract, cache, output_file }) => ({
      value,
      ...(executable === undefined ? {} : { executable }),
      ...(extract === undefined ? {} : { extract }),
      ...(cache === undefined ? {} : { cache }),
      ...(output_file === undefined ? {} : { output_file }),
    }));
    const { fetcher, metrics } = this.#options;
    try {
      await fetcher.fetch(wanted, { sandbox: run.sandbox }, { signal, progress });
    } catch (error) {
      metrics.fetchesFailed++;
      throw error;
    }
    metrics.fetchesSucceeded++;
  }

  async #start(run: Run, spec: ContainerSpec, opened: Promise<void>, signal: AbortSignal): Promise<void> {
    const { engine, observer, output } = this.#options;
    signal.throwIfAborted();
    const created = engine.create(this.#options.change?.(run, spec) ?? spec);
    // The engine has its work before the scheduler hears of it.
    observer.starting(run);
    await created;
    await opened;
    signal.throwIfAborted();
    await output.attach(run);
    try {
      signal.throwIfAborted();
      await engine.start(spec.name);
    } catch (error) {
      output.drop(run);
      throw error;
    }
  }

  async #tellStarted(run: Run, spec: ContainerSpec): Promise<void> {
    const { engine, observer } = this.#options;
    const own = spec.network.mode === 'bridge' || spec.network.mode === 'user';
    // A container that has ended already has no addresses any more; its exit is told by the engine's event.
    const addresses = own ? await engine.addresses(spec.name).catch(() => []) : [];
    observer.started(run, addresses);
  }
}

/** Undefined for a pod that needs no container of its own. */
function planOf(run: Run, settings: ContainerSettings): ContainerPlan | { error: string } | undefined {
  const plan = planContainerOf(run, settings);
  const { hostProcesses } = settings;
  if (hostProcesses === undefined || plan === undefined || 'error' in plan) return plan;
  const process = asHostProcess(plan, run, hostProcesses);
  if (process === undefined) throw new NoContainerizer(noContainerizer(hostProcesses));
  return process;
}

function planContainerOf(run: Run, settings: ContainerSettings): ReturnType<typeof planOf> {
  if (run.kind === 'task') return planContainer(run, settings);
  return isPod(run) ? planHolder(run, settings) : planExecutor(run, settings);
}

/** What the task asks for makes no sense: Mesos' docker executor words it so. */
class PlanProblem extends Error {}

/** This agent's engine is not one for it. */
class NoContainerizer extends Error {}

function failureOf(error: unknown): { reason?: TaskStatusReason; message: string } {
  if (error instanceof PlanProblem) return { message: `Failed to create docker run options: ${error.message}` };
  if (error instanceof NoContainerizer) return { reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: error.message };
  const remedy = error instanceof MesitaError ? ` ${error.remedy}` : '';
  const sentence = describeError(error).replace(/[.\s]*$/, '.');
  return { reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: `Failed to launch container: ${sentence}${remedy}` };
}
