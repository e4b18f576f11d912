import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MesitaError } from '../protocol/errors.ts';
import type { RegistryCredentials } from './engine/engine.ts';
import { credentialsFor, type DockerConfig, parseDockerConfig } from './registry-credentials.ts';
import type { Run } from './state.ts';

// Bytes; configurations are far shorter.
const longestConfig = 1024 * 1024;

// As a Docker client that has the sandbox as its home.
const configNames = ['.docker/config.json', '.dockercfg'];

/**
 * What to log in to the image's registry with: by the `config` of the image itself, else by what was fetched into the sandbox, else by
 * `--docker_config`. Throws MESITA_IMAGE_UNAVAILABLE for a configuration that cannot be read.
 */
export async function credentialsOfRun(
  run: Run,
  image: string,
  agent: DockerConfig,
): Promise<RegistryCredentials | undefined> {
  const own = run.info.container?.mesos?.image?.docker?.config?.value?.data;
  if (own !== undefined) {
    const given = read('config of the image', Buffer.from(own, 'base64').toString(), image);
    return credentialsFor(given, image) ?? credentialsFor(agent, image);
  }
  if ((run.info.command?.uris ?? []).length > 0) {
    for (const name of configNames) {
      const text = await textOf(join(run.sandbox, name));
      if (text === undefined) continue;
      const found = credentialsFor(read(`${name} in the sandbox`, text, image), image);
      if (found !== undefined) return found;
    }
  }
  return credentialsFor(agent, image);
}

function read(where: string, text: string, image: string): DockerConfig {
  const parsed = parseDockerConfig(text);
  if ('value' in parsed) return parsed.value;
  throw new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
    message: `The image ${image} cannot be pulled: the ${where} cannot be used, ${parsed.error}`,
    remedy: 'Write it as `docker login` does.',
  });
}

/** Undefined unless it is a regular file of a sensible size. */
async function textOf(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (file === undefined) return undefined;
  try {
    const status = await file.stat();
    return status.isFile() && status.size <= longestConfig ? await file.readFile('utf8') : undefined;
  } finally {
    await file.close();
  }
}
