import { describeError } from '../../protocol/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { ContainerEnds } from '../container-ends.ts';
import type { ContainerLauncher, LauncherOptions } from '../container-launcher.ts';
import type { ContainerLogs } from '../container-logs.ts';
import type { Engine, EngineEvent } from '../engine/engine.ts';
import type { Run } from '../state.ts';
import type { LaunchedContainer } from './launched-container.ts';

export interface RunnerOptions {
  engine: Engine;
  ends: Pick<ContainerEnds, 'tell'>;
  logs: Pick<ContainerLogs, 'attach' | 'drop' | 'started' | 'ended'>;
  launcher: (own: Pick<LauncherOptions, 'observer' | 'output' | 'change'>) => ContainerLauncher;
  sandboxes: { release(sandbox: string): Promise<void> };
  images: { release(container: string): void };
  log: Log;
}

interface Running {
  container: LaunchedContainer;
  /** Resolves with what went wrong, once it runs or is known not to. */
  launched: PromiseWithResolvers<string | undefined>;
  output: AbortController;
  written: Promise<void> | undefined;
}

/**
 * Runs the containers that calls of the operator API ask for, from launch to removal. They are the agent's own affair: no framework hears of them, and
 * they end with it.
 */
export class ContainerRunner {
  readonly #options: RunnerOptions;
  readonly #launcher: ContainerLauncher;
  readonly #running = new Map<string, Running>();

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#launcher = options.launcher({
      observer: {
        progress: () => undefined,
        starting: () => undefined,
        started: (run) => this.#started(run),
        failed: (run, { message }) => void this.#failed(run, message),
      },
      output: { attach: (run) => this.#attach(run), drop: (run) => this.#drop(run) },
      change: (run, spec) => (this.#running.get(run.containerName)?.container.output ? { ...spec, input: true } : spec),
    });
  }

  /** Begins to listen to the engine; returns what ends all that runs. */
  start(): () => Promise<void> {
    const stopListening = this.#options.engine.onEvent((event) => {
      if (event.kind === 'exited') this.#exited(event).catch(() => undefined);
    });
    return async () => {
      const running = [...this.#running.values()];
      await Promise.all(running.map(({ container }) => container.kill(9).catch(() => undefined)));
      // Whatever the engine does not tell of now, it is asked to remove.
      await Promise.all(running.map(({ container }) => this.#remove(container.host)));
      stopListening();
    };
  }

  abort(run: Run): void {
    this.#launcher.abort(run);
  }

  /** Resolves when it runs, or has run; else with what went wrong. */
  launch(container: LaunchedContainer): Promise<string | undefined> {
    const launched = Promise.withResolvers<string | undefined>();
    const running = { container, launched, output: new AbortController(), written: undefined };
    this.#running.set(container.host.containerName, running);
    this.#launcher.launch(container.host).catch((error: unknown) => this.#failed(container.host, describeError(error)));
    return launched.promise;
  }

  async #attach(run: Run): Promise<void> {
    await this.#options.logs.attach(run);
    const running = this.#running.get(run.containerName);
    const sinks = running?.container.output?.sinks;
    if (running === undefined || sinks === undefined) return;
    const attached = await this.#options.engine.attach?.(run.containerName, sinks, { signal: running.output.signal });
    running.written = attached?.ended;
  }

  #drop(run: Run): void {
    this.#options.logs.drop(run);
    this.#running.get(run.containerName)?.output.abort();
  }

  #started(run: Run): void {
    if (run.phase === 'preparing') {
      run.phase = 'running';
      this.#options.logs.started(run);
    }
    this.#running.get(run.containerName)?.launched.resolve(undefined);
  }

  async #failed(run: Run, message: string): Promise<void> {
    run.phase = 'ended';
    this.#options.ends.tell(run, 0);
    await this.#remove(run);
    this.#running.get(run.containerName)?.launched.resolve(message);
    this.#running.delete(run.containerName);
  }

  async #exited({ name, exitCode }: EngineEvent & { kind: 'exited' }): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    const run = running.container.host;
    // It may be over before its start is.
    this.#started(run);
    await Promise.all([this.#options.logs.ended(run), running.written]);
    run.phase = 'ended';
    this.#options.ends.tell(run, exitCode);
    this.#running.delete(name);
    await this.#remove(run);
  }

  async #remove(run: Run): Promise<void> {
    const { engine, images, sandboxes, log } = this.#options;
    await engine
      .remove(run.containerName)
      .catch((error: unknown) =>
        log.warn({ container: run.containerName, error: describeError(error) }, 'container cannot be removed'),
      );
    run.released = true;
    images.release(run.containerName);
    await sandboxes.release(run.sandbox);
  }
}
