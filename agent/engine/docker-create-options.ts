import type { ContainerCreateOptions } from 'dockerode';
import { MesitaError } from '../../protocol/errors.ts';
import { applyParameter, type ContainerDraft, exposePort, gpuRequest } from './docker-parameters.ts';
import type { ContainerLimits, ContainerSpec, Mount, Network } from './engine.ts';

/** MB; an engine refuses less. */
export const minimumMemory = 6;
const megabyte = 1024 * 1024;
/** Microseconds. */
const cpuPeriod = 100_000;

/** Output is in the sandbox; the engine keeps as much of it as may have been written while no agent was there to take it. */
const keptOutput = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } };

/** The body of the engine's create call, or what is wrong with the spec (MESITA_CONTAINER_INVALID). */
export function createOptions(
  spec: ContainerSpec,
  scope: Record<string, string>,
): ContainerCreateOptions | MesitaError {
  const problem = limitProblem(spec);
  if (problem !== undefined) return invalid(spec, problem);
  const draft: ContainerDraft = { body: baseBody(spec), host: hostConfig(spec), endpoint: {} };
  addNetwork(draft, spec.network);
  for (const mount of spec.mounts) addMount(draft, mount);
  for (const { key, value } of spec.parameters) {
    const wrong = applyParameter(draft, key, value);
    if (wrong !== undefined) return invalid(spec, wrong);
  }
  const { body, host, endpoint } = draft;
  host.LogConfig ??= keptOutput;
  // Last, so that no label of the task hides a container from its agent.
  Object.assign(body.Labels, scope);
  if (Object.keys(endpoint).length > 0) {
    body.NetworkingConfig = { EndpointsConfig: { [host.NetworkMode ?? 'default']: endpoint } };
  }
  return { ...body, HostConfig: host };
}

function invalid(spec: ContainerSpec, message: string): MesitaError {
  return new MesitaError('MESITA_CONTAINER_INVALID', { message: `${message} (container ${spec.name})` });
}

function limitProblem(spec: ContainerSpec): string | undefined {
  if (spec.memoryLimit !== undefined && !(spec.memoryLimit >= minimumMemory)) {
    return `A memory limit of ${spec.memoryLimit} MB is below the engine's minimum of ${minimumMemory} MB`;
  }
  if (spec.cpuLimit !== undefined && !(spec.cpuLimit > 0)) return `A limit of ${spec.cpuLimit} cores cannot be set`;
  const name = Object.keys(spec.environment).find((key) => key === '' || /[=\0]/.test(key));
  if (name !== undefined) return `"${name}" cannot be the name of an environment variable`;
  return undefined;
}

function baseBody(spec: ContainerSpec): ContainerDraft['body'] {
  return {
    name: spec.name,
    Image: spec.image,
    Labels: { ...spec.labels },
    Env: Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`),
    ...(spec.entrypoint && { Entrypoint: spec.entrypoint }),
    ...(spec.command && { Cmd: spec.command }),
    ...(spec.workingDirectory !== undefined && { WorkingDir: spec.workingDirectory }),
    ...(spec.user !== undefined && { User: spec.user }),
    ...(spec.input && { OpenStdin: true, StdinOnce: true }),
    ...(spec.terminal !== undefined && { Tty: true, OpenStdin: true, StdinOnce: false }),
  };
}

function hostConfig(spec: ContainerSpec): ContainerDraft['host'] {
  const gpus = spec.gpus ? gpuRequest(`${spec.gpus}`) : undefined;
  return {
    Binds: [],
    PortBindings: {},
    ...limitOptions(spec),
    PidsLimit: spec.pidsLimit > 0 ? spec.pidsLimit : -1,
    ...(spec.privileged && { Privileged: true }),
    ...(spec.oomScoreAdjust !== undefined && { OomScoreAdj: spec.oomScoreAdjust }),
    ...(gpus && { DeviceRequests: [gpus] }),
  };
}

/** What limits a container, as the engine takes it at its creation and while it runs. */
export function limitOptions(limits: ContainerLimits) {
  const memory = limits.memoryLimit === undefined ? undefined : Math.round(limits.memoryLimit * megabyte);
  return {
    CpuShares: Math.max(2, Math.round(limits.cpuShares * 1024)),
    ...(limits.cpuLimit !== undefined && {
      CpuPeriod: cpuPeriod,
      CpuQuota: Math.max(1000, Math.round(limits.cpuLimit * cpuPeriod)),
    }),
    // Equal to Memory: the two together, so there is no swap.
    ...(memory !== undefined && { Memory: memory, MemorySwap: memory }),
    ...(limits.memoryReservation !== undefined && {
      MemoryReservation: Math.round(limits.memoryReservation * megabyte),
    }),
  };
}

function addNetwork({ body, host, endpoint }: ContainerDraft, network: Network): void {
  if (network.mode === 'container') {
    host.NetworkMode = `container:${network.name}`;
    return;
  }
  host.NetworkMode = network.mode === 'user' ? network.name : network.mode;
  if (network.mode === 'host' || network.mode === 'none') return;
  for (const { hostPort, containerPort, protocol } of network.ports) {
    const port = `${containerPort}/${protocol}`;
    exposePort(body, port);
    host.PortBindings[port] = [...(host.PortBindings[port] ?? []), { HostPort: `${hostPort}` }];
  }
  if (network.hostname !== undefined) body.Hostname = network.hostname;
  if (network.mode === 'user' && network.aliases?.length) endpoint.Aliases = [...network.aliases];
}

/**
 * As `docker run --volume` does it, where that form can say it: a directory of the host that is missing is made.
 * A path with a colon, or a volume's driver, needs the longer form.
 */
function addMount({ host }: ContainerDraft, mount: Mount): void {
  const source = mount.kind === 'bind' ? mount.hostPath : mount.name;
  const { driver, options } = mount.kind === 'volume' ? mount : {};
  const needsDriver = driver !== undefined || options !== undefined;
  if (!needsDriver && !source.includes(':') && !mount.containerPath.includes(':')) {
    host.Binds.push(`${source}:${mount.containerPath}:${mount.readOnly ? 'ro' : 'rw'}`);
    return;
  }
  host.Mounts ??= [];
  host.Mounts.push({
    Type: mount.kind,
    Source: source,
    Target: mount.containerPath,
    ReadOnly: mount.readOnly,
    ...(needsDriver && {
      VolumeOptions: { NoCopy: false, Labels: {}, DriverConfig: { Name: driver ?? 'local', Options: options ?? {} } },
    }),
  });
}
