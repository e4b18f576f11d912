import { join } from 'node:path';

/**
 * The work directory's tree, as Mesos has it:
 *
 *     <work_dir>/meta/slaves/latest                                            → the agent's id
 *     <work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/latest → <container>
 *     <work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>  the sandbox
 *     <sandbox of a pod>/containers/<container>                                the sandbox of a task of the pod
 *     <sandbox of a pod>/tasks/<task>                                          → ../containers/<container>
 */
export class SandboxPaths {
  readonly workDirectory: string;
  readonly #agent: string;

  constructor(workDirectory: string, agent: string) {
    this.workDirectory = workDirectory;
    this.#agent = agent;
  }

  get slave(): string {
    return join(this.workDirectory, 'slaves', this.#agent);
  }

  executor(framework: string, executor: string): string {
    return join(this.slave, 'frameworks', framework, 'executors', executor);
  }

  /** The sandbox of one run. */
  run(framework: string, executor: string, container: string): string {
    return join(this.executor(framework, executor), 'runs', container);
  }
}

/** The sandbox of a container inside that of a pod. */
export function nestedSandbox(sandbox: string, container: string): string {
  return join(sandbox, 'containers', container);
}

/** Where the sandbox of a task of a pod is found by the name of the task. */
export function taskLink(sandbox: string, task: string): string {
  return join(sandbox, 'tasks', task);
}

/** Where the sandbox is mounted in containers. */
export const containerSandbox = '/mnt/mesos/sandbox';
