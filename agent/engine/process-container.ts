import { procFiles } from '../../runtime/proc-files.ts';
import type { ContainerExit, ContainerSpec, ContainerSummary } from './engine.ts';
import type { LaunchOrder, ProcessId, Started } from './process-keeper.ts';
import type { KeptContainer } from './process-store.ts';
import { TreeUsage } from './process-usage.ts';

/**
 * A container of the process engine: a process in a session of its own and all that it starts, as this engine object knows it.
 *
 *     created ──► starting ──► running ──► ending ──► exited
 *        ▲            │           (main process over; what is left of the tree is being killed)
 *        └────────────┘ start failed
 */
export class ProcessContainer {
  readonly usage = new TreeUsage();
  /** Resolves when it is `exited`: no process of it is left. */
  readonly over = Promise.withResolvers<void>();
  /** Resolves when its keeper said that it runs, or has run. */
  begun = Promise.withResolvers<void>();
  kept: KeptContainer;
  state: 'created' | 'starting' | 'running' | 'ending' | 'exited' = 'created';
  /** Once it was started. */
  started: Started | undefined;
  exit: ContainerExit | undefined;
  /** It is being killed for its use of memory: MB at the most. */
  memPeak: number | undefined;
  /** See ContainerExit. */
  because: string | undefined;
  /** How the keeper is to run it, until it was asked to. */
  order: LaunchOrder | undefined;
  /** Whether the keeper was asked to start it. */
  launched = false;
  /** Calls of `stop` whose grace period is not over. */
  stops = 0;
  /** While its output is being put away. */
  rotation: Promise<void> | undefined;
  removal: Promise<void> | undefined;
  /** Commands run beside its own since this engine object knows it. */
  commands = 0;

  constructor(kept: KeptContainer) {
    this.kept = kept;
  }

  get name(): string {
    return this.kept.spec.name;
  }

  get mark(): string {
    return this.kept.mark;
  }

  get spec(): ContainerSpec {
    return this.kept.spec;
  }

  get runs(): boolean {
    return this.state === 'running' || this.state === 'ending';
  }

  summary(): ContainerSummary {
    const { name, exit } = this;
    const state = this.state === 'exited' ? 'exited' : this.runs ? 'running' : 'created';
    return { name, labels: this.spec.labels, state, ...(exit === undefined ? {} : { exit }) };
  }
}

/** Whether its keeper lives; another process may have that one's pid by now. */
export function isKept({ keeper }: Started): boolean {
  return isAlive(keeper);
}

export function isAlive({ pid, start }: ProcessId): boolean {
  const row = procFiles.row(pid);
  return row !== undefined && !row.zombie && row.start === start;
}
