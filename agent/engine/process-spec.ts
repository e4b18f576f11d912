import { posix } from 'node:path';
import { MesitaError } from '../../protocol/errors.ts';
import type { ContainerSpec } from './engine.ts';
import { invalid } from './process-command.ts';

const leastMemory = 6;

/** Why a host process cannot be what the spec asks for; undefined when it can. */
export function refusal(spec: ContainerSpec): MesitaError | undefined {
  const { name, image, network, memoryLimit, privileged } = spec;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,200}$/.test(name)) return invalid(`'${name}' cannot be the name of a container`);
  if (image !== '') return noImage(image);
  if (network.mode !== 'host') {
    const wanted = network.mode === 'user' ? network.name : network.mode;
    return invalid(`A host process has the host's network, and cannot have ${wanted}`);
  }
  if (memoryLimit !== undefined && memoryLimit < leastMemory) {
    return invalid(`A memory limit of ${memoryLimit} MB is below the minimum of ${leastMemory} MB`);
  }
  const [parameter] = spec.parameters;
  if (parameter !== undefined)
    return invalid(`The parameter '${parameter.key}' is one of docker run, and means nothing to a host process`);
  if (spec.terminal !== undefined || spec.input) return invalid('A host process is given neither terminal nor input');
  if (privileged) return invalid('A host process cannot be privileged beyond its user');
  const nameless = Object.keys(spec.environment).find((key) => key === '' || key.includes('='));
  if (nameless !== undefined) return invalid(`'${nameless}' cannot be the name of an environment variable`);
  return refusalOfMounts(spec);
}

/** A mount is a symbolic link in the working directory, which keeps nobody from writing and shadows nothing elsewhere. */
function refusalOfMounts({ mounts, workingDirectory }: ContainerSpec): MesitaError | undefined {
  for (const mount of mounts) {
    const { containerPath } = mount;
    if (!posix.isAbsolute(containerPath)) return invalid(`The path '${containerPath}' of a mount is relative`);
    if (mount.kind === 'volume')
      return invalid(`The volume ${mount.name} is Docker's, and a host process sees none of them`);
    if (mount.readOnly) return invalid(`${mount.hostPath} cannot be read-only for a host process`);
    if (workingDirectory === undefined || !containerPath.startsWith(`${workingDirectory}/`)) {
      return invalid(
        `${mount.hostPath} cannot be mounted at ${containerPath}: a host process sees the host's files, and mounts only below its working directory`,
      );
    }
  }
  return undefined;
}

export function noImage(image: string): MesitaError {
  return new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
    message: `No such image: ${image}: the process engine runs host processes, and has no images`,
    remedy: 'Let a Docker engine run it: start the agent with --containerizers=docker.',
  });
}
