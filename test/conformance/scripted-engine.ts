import type { ContainerSpec } from '../../agent/engine/engine.ts';
import type { Clock } from '../../runtime/clock.ts';
import { FakeEngine, type FakeProgram } from '../support/fake-engine.ts';

/** Images that were on the machine of the recordings; every other pull failed there. */
const images = ['default:1', 'bb:1'];

/** Containers that behave as the recorded tasks did: `sleep`, `exit`, `kill -9 $$`, a trap for SIGTERM. */
export class ScriptedEngine extends FakeEngine {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super({ images, program: (spec) => this.#program(spec) });
    this.#clock = clock;
  }

  override async ensureImage(image: string, options: Parameters<FakeEngine['ensureImage']>[1]): Promise<void> {
    if (!images.includes(image))
      this.scriptPull(image, { error: new Error(`Cannot pull ${image}: no registry answers`) });
    return super.ensureImage(image, options);
  }

  #program(spec: ContainerSpec): FakeProgram {
    const text = [...(spec.entrypoint ?? []), ...(spec.command ?? [])].join(' ');
    const ignoresTerm = /trap/.test(text);
    const exitCode = exitCodeOf(text);
    const seconds = Number(/sleep (\d+)/.exec(text)?.[1] ?? 0);
    if (seconds === 0) return { exit: { exitCode }, ignoresTerm };
    this.#clock.after(seconds * 1000, () => {
      if (this.container(spec.name)?.state === 'running') this.exit(spec.name, exitCode);
    });
    return { ignoresTerm };
  }
}

function exitCodeOf(text: string): number {
  if (/kill -9 \$\$/.test(text)) return 137;
  if (/nonexistent|no\/such/.test(text)) return 127;
  return Number(/exit (\d+)/.exec(text)?.[1] ?? 0);
}
