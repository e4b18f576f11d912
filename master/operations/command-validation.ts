import type { CommandInfo, ContainerInfo, Environment, Volume } from '../../protocol/messages.ts';

/** The first thing wrong with a command, in Mesos' words; undefined when nothing is. */
export function invalidCommand(command: CommandInfo): string | undefined {
  return invalidEnvironment(command.environment);
}

function invalidEnvironment(environment: Environment | undefined): string | undefined {
  for (const { name, type = 'VALUE', value, secret } of environment?.variables ?? []) {
    const variable = `Environment variable '${name}'`;
    if (type === 'VALUE' && value === undefined) return `${variable} of type 'VALUE' must have a value set`;
    if (type === 'VALUE' && secret !== undefined) return `${variable} of type 'VALUE' must not have a secret set`;
    if (type === 'SECRET' && secret === undefined) return `${variable} of type 'SECRET' must have a secret set`;
    if (type === 'SECRET' && value !== undefined) return `${variable} of type 'SECRET' must not have a value set`;
    if (type === 'UNKNOWN') return `${variable} of type 'UNKNOWN' is not allowed`;
  }
  return undefined;
}

/** The first thing wrong with a container, in Mesos' words; undefined when nothing is. */
export function invalidContainer(container: ContainerInfo): string | undefined {
  if (container.type === 'DOCKER' && container.docker === undefined) {
    return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo";
  }
  if ((container.docker?.parameters ?? []).some((parameter) => parameter.key === 'name')) {
    return "Parameter in DockerInfo must not be 'name'";
  }
  for (const volume of container.volumes ?? []) {
    const reason = invalidVolume(volume);
    if (reason !== undefined) return `Invalid volume: ${reason}`;
  }
  return undefined;
}

function invalidVolume({ host_path, image, source }: Volume): string | undefined {
  const given = [host_path, image, source].filter((member) => member !== undefined).length;
  if (given !== 1) return "Only one of them should be set: 'host_path', 'image' and 'source'";
  if (source === undefined) return undefined;
  const { type } = source;
  if (type === undefined) return "'source.type' must be set";
  const members = { DOCKER_VOLUME: 'docker_volume', HOST_PATH: 'host_path', SANDBOX_PATH: 'sandbox_path' } as const;
  const member = type in members ? members[type as keyof typeof members] : undefined;
  if (member !== undefined && source[member] === undefined) return `'source.${member}' is not set for ${type} volume`;
  if (type === 'SECRET' && source.secret === undefined) return "'source.secret' is not set for SECRET volume";
  return undefined;
}
