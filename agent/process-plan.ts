import { type ContainerPlan, hasOwnImage } from './container-plan.ts';
import type { Mount } from './engine/engine.ts';
import { containerSandbox } from './sandbox-paths.ts';
import type { Run } from './state.ts';

/** How host processes are run in place of containers. */
export interface HostProcesses {
  /** As the flag lists them. */
  containerizers: string;
  /** Whether each runs as its task's user, or else its framework's: only root may do that. */
  switchUser: boolean;
  /** Of stdout and stderr; see `OutputFiles`. */
  logs: { maxSize: number; files: number };
}

/**
 * What was planned as a container of the default image, as a process of the host: the sandbox is where it is on the host, in the environment, as
 * working directory and for volumes; and the user is the framework's where the command names none, as in Mesos. Undefined: what
 * asks for an image cannot be one.
 */
export function asHostProcess(
  { spec }: ContainerPlan,
  run: Run,
  { switchUser, logs }: Pick<HostProcesses, 'switchUser' | 'logs'>,
): ContainerPlan | undefined {
  if (hasOwnImage(run.info.container)) return undefined;
  const { user: planned, ...others } = spec;
  const user = planned ?? run.framework.user;
  return {
    image: '',
    forcePull: false,
    spec: {
      ...others,
      image: '',
      environment: { ...spec.environment, MESOS_SANDBOX: run.sandbox },
      workingDirectory: run.sandbox,
      output: { ...logs, directory: run.sandbox },
      ...(switchUser && user !== '' ? { user } : {}),
      mounts: spec.mounts
        .filter(({ containerPath }) => containerPath !== containerSandbox)
        .map((mount) => onHost(mount, run.sandbox)),
    },
  };
}

/** In Mesos' words. */
export function noContainerizer({ containerizers }: Pick<HostProcesses, 'containerizers'>): string {
  return `None of the enabled containerizers (${containerizers}) could create a container for the provided TaskInfo/ExecutorInfo message`;
}

function onHost(mount: Mount, sandbox: string): Mount {
  const { containerPath } = mount;
  if (!containerPath.startsWith(`${containerSandbox}/`)) return mount;
  return { ...mount, containerPath: sandbox + containerPath.slice(containerSandbox.length) };
}
