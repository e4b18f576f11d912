import Docker from 'dockerode';
import { planContainer } from '../agent/container-plan.ts';
import { createOptions } from '../agent/engine/docker-create-options.ts';
import type { TaskRecord } from '../agent/state.ts';
import { asContainerId } from '../protocol/ids.ts';
import type { TaskInfo } from '../protocol/messages.ts';

/** The peer: containers made with dockerode and nothing else, with the very options that the agent gives. */
export class BareDocker {
  readonly docker = new Docker({ socketPath: '/var/run/docker.sock' });
  readonly #made: string[] = [];
  #next = 0;

  /** Create and start of `count` containers, `concurrency` at a time; seconds until the last start answered. */
  async launch(
    count: number,
    concurrency: number,
    options: (name: string) => Docker.ContainerCreateOptions,
  ): Promise<number> {
    let left = count;
    const began = performance.now();
    const worker = async (): Promise<void> => {
      while (left-- > 0) await this.start(options(this.name()));
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return (performance.now() - began) / 1000;
  }

  name(): string {
    const name = `mesita-bench-${process.pid}-${this.#next++}`;
    this.#made.push(name);
    return name;
  }

  async start(options: Docker.ContainerCreateOptions): Promise<Docker.Container> {
    const container = await this.docker.createContainer(options);
    await container.start();
    return container;
  }

  async removeAll(): Promise<void> {
    for (const name of this.#made.splice(0))
      await this.docker
        .getContainer(name)
        .remove({ force: true, v: true })
        .catch(() => undefined);
  }
}

/** The body that the agent itself would send for a task, made by the agent's own code, so that both sides ask for the same. */
export function sameOptions(
  task: Omit<TaskInfo, 'agent_id' | 'task_id' | 'name'>,
  sandbox: string,
): (name: string) => Docker.ContainerCreateOptions {
  return (name) => {
    const info: TaskInfo = { ...task, name, task_id: { value: name }, agent_id: { value: 'bench' } };
    const record = { ...emptyRecord, info, containerName: name, sandbox } as TaskRecord;
    const plan = planContainer(record, settings);
    if ('error' in plan) throw new Error(plan.error);
    const options = createOptions(plan.spec, { 'org.mesita.bench': 'bare' });
    if (options instanceof Error) throw options;
    return options;
  };
}

const emptyRecord = { key: '', framework: { user: 'root', name: 'bench' }, containerId: asContainerId('bench') };

const settings = {
  defaultImage: '',
  enforceCpuQuota: true,
  pidsLimit: 4096,
  agentId: 'bench',
  workDirectory: '',
  agentEndpoint: '',
  executorShutdownGrace: 0,
};
