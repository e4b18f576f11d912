import { isAbsolute, join, posix } from 'node:path';
import type { ContainerInfo, Resource, Volume, VolumeSourceSandboxPath } from '../protocol/messages.ts';
import type { Mount } from './engine/engine.ts';
import { containerSandbox } from './sandbox-paths.ts';
import { volumePath } from './volume-paths.ts';

/** What a task and an executor say alike of the volumes that they want. */
export interface MountsWanted {
  container?: ContainerInfo | undefined;
  resources?: Resource[] | undefined;
}

/**
 * Volumes, persistent ones, and last the sandbox itself; or why there can be none. `parent`: what the pod has that the container is
 * in, for volumes that are a path in its sandbox.
 */
export function mountsOf(
  info: MountsWanted,
  sandbox: string,
  workDirectory: string,
  parent?: readonly Mount[],
): Mount[] | { error: string } {
  const mounts: Mount[] = [];
  for (const volume of info.container?.volumes ?? []) {
    const mount = mountOf(volume, sandbox, parent, info.container?.docker?.volume_driver);
    if ('error' in mount) return mount;
    mounts.push(mount);
  }
  for (const resource of info.resources ?? []) {
    const mount = persistentMount(resource, workDirectory);
    if (mount === undefined) continue;
    if ('error' in mount) return mount;
    mounts.push(mount);
  }
  return [...mounts, { kind: 'bind', hostPath: sandbox, containerPath: containerSandbox, readOnly: false }];
}

/** With what a pod has outside of its sandbox, at places where the container has nothing of its own. */
export function inheritedMounts(own: readonly Mount[], parent: readonly Mount[]): Mount[] {
  const taken = new Set(own.map(({ containerPath }) => containerPath));
  const further = parent.filter(
    ({ containerPath }) => !taken.has(containerPath) && !isWithin(containerPath, containerSandbox),
  );
  return [...further, ...own];
}

function mountOf(
  volume: Volume,
  sandbox: string,
  parent: readonly Mount[] | undefined,
  driver: string | undefined,
): Mount | { error: string } {
  const { container_path, host_path, mode, source } = volume;
  const readOnly = mode === 'RO';
  const containerPath = isAbsolute(container_path) ? container_path : posix.join(containerSandbox, container_path);
  if (leaves(container_path)) return { error: `The container_path '${container_path}' of a volume leaves the sandbox` };
  const named = source?.docker_volume;
  if (named !== undefined) {
    const volumeDriver = named.driver ?? driver;
    const options = named.driver_options?.parameter ?? [];
    return {
      kind: 'volume',
      name: named.name,
      containerPath,
      readOnly,
      ...(volumeDriver === undefined ? {} : { driver: volumeDriver }),
      ...(options.length === 0 ? {} : { options: Object.fromEntries(options.map(({ key, value }) => [key, value])) }),
    };
  }
  if (source?.sandbox_path !== undefined) {
    const mount = sandboxMount(source.sandbox_path, sandbox, parent);
    return 'error' in mount ? mount : { ...mount, containerPath, readOnly: readOnly || mount.readOnly };
  }
  if (source?.host_path !== undefined)
    return { kind: 'bind', hostPath: source.host_path.path, containerPath, readOnly };
  if (host_path === undefined)
    return { error: `The volume at '${container_path}' has a source that the agent does not have` };
  if (isAbsolute(host_path)) return { kind: 'bind', hostPath: host_path, containerPath, readOnly };
  if (driver !== undefined) return { kind: 'volume', name: host_path, driver, containerPath, readOnly };
  if (!isAbsolute(container_path)) {
    return { error: `Both host_path '${host_path}' and container_path '${container_path}' of a volume are relative` };
  }
  if (leaves(host_path)) return { error: `The host_path '${host_path}' of a volume leaves the sandbox` };
  return { kind: 'bind', hostPath: join(sandbox, host_path), containerPath, readOnly };
}

/**
 * SANDBOX_PATH: a directory of the container's own sandbox (SELF), or of its pod's (PARENT), where volumes of the pod may be mounted.
 * As the pod sees it.
 */
function sandboxMount(
  { type, path }: VolumeSourceSandboxPath,
  sandbox: string,
  parent: readonly Mount[] | undefined,
): Mount | { error: string } {
  if (isAbsolute(path) || leaves(path)) return { error: `The sandbox_path '${path}' of a volume leaves the sandbox` };
  const own: Mount = { kind: 'bind', hostPath: sandbox, containerPath: containerSandbox, readOnly: false };
  const outer = type === 'PARENT' ? parent : [own];
  if (outer === undefined)
    return { error: `The volume with the sandbox_path '${path}' is of type PARENT, which tasks of a group alone have` };
  const wanted = posix.join(containerSandbox, path);
  const around = outer.filter(({ containerPath }) => isWithin(wanted, containerPath));
  const nearest = around.reduce(
    (best, one) => (one.containerPath.length >= best.containerPath.length ? one : best),
    own,
  );
  const rest = posix.relative(nearest.containerPath, wanted);
  if (nearest.kind === 'bind') return { ...nearest, hostPath: join(nearest.hostPath, rest) };
  return rest === '' ? nearest : { error: `The sandbox_path '${path}' of a volume is inside another volume` };
}

/** A persistent volume is where the task's resources say, below the sandbox unless that is an absolute path. */
function persistentMount(resource: Resource, workDirectory: string): Mount | { error: string } | undefined {
  const hostPath = volumePath(workDirectory, resource);
  const volume = resource.disk?.volume;
  if (hostPath === undefined || volume === undefined) return undefined;
  const { container_path, mode } = volume;
  if (leaves(container_path)) return { error: `The container_path '${container_path}' of a volume leaves the sandbox` };
  const containerPath = isAbsolute(container_path) ? container_path : posix.join(containerSandbox, container_path);
  return { kind: 'bind', hostPath, containerPath, readOnly: mode === 'RO' };
}

function leaves(path: string): boolean {
  return path.split('/').includes('..');
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}
