import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MesitaError } from '../protocol/errors.ts';
import { type AptSource, parseAptSources, proxyEnvironment, releaseSource } from './apt-sources.ts';
import type { DockerClient, Progress, RunCommand } from './ports.ts';

/** The recipe's revision: raise it with every change to what is in the base image. */
const recipe = '1';
const publicImage = 'debian:bookworm-slim';
/** The base image's name, whichever source it came from. */
export const baseImage = `mesita-base:${recipe}`;

/** Milliseconds for a registry's first answer, and for the whole pull. */
const registryPatience = { firstOutput: 8_000, timeout: 600_000 };

export interface BaseTools {
  docker: DockerClient;
  run: RunCommand;
  progress: Progress;
  signal: AbortSignal;
  /** Installs packages of the distribution; only asked as root on a Debian or Ubuntu. */
  install: (packages: readonly string[]) => Promise<void>;
  /** A directory of our own for the bootstrap; it is the caller who sweeps it. */
  staging: string;
}

/**
 * Makes sure that the engine has `baseImage`: a public Debian where a registry answers, else one that is
 * bootstrapped from the packages of this machine's own distribution. MESITA_IMAGE_UNAVAILABLE where neither can be.
 */
export async function ensureBaseImage(tools: BaseTools): Promise<void> {
  const { docker, progress, signal } = tools;
  const present = await docker.run(['image', 'inspect', '--format', '{{.Id}}', baseImage], { signal });
  if (present.code === 0) return;
  const refusal = await progress.during(`Pulling ${publicImage}`, (detail) => pull(docker, signal, detail));
  if (refusal === undefined) return;
  progress.say(`No registry for the base image (${refusal}); making it from this machine's packages`);
  await bootstrap(tools);
}

/** Undefined when the image is there, else why it could not be pulled. */
async function pull(
  docker: DockerClient,
  signal: AbortSignal,
  detail: (text: string) => void,
): Promise<string | undefined> {
  const pulled = await docker.run(['pull', publicImage], { ...registryPatience, signal, onLine: detail });
  if (pulled.timedOut) return 'no answer in time';
  if (pulled.code !== 0) return lastLine(pulled.stderr);
  const tagged = await docker.run(['tag', publicImage, baseImage], { signal });
  return tagged.code === 0 ? undefined : lastLine(tagged.stderr);
}

async function bootstrap(tools: BaseTools): Promise<void> {
  const { docker, run, progress, signal, staging } = tools;
  const release = await findRelease(tools);
  const root = join(staging, 'root');
  const archive = join(staging, 'root.tar');
  await mkdir(staging, { recursive: true });
  await progress.during(`Making a base image of Debian packages (${release.suite})`, async (detail) => {
    const options = { signal, env: release.environment, onLine: (line: string) => detail(line.replace(/^I: /, '')) };
    const bootstrapper = bootstrapArguments(release, docker.architecture, root);
    // Its mounts (/proc in the new root) are seen by itself alone, so that none is left when it is interrupted.
    await step(run('unshare', ['--mount', 'debootstrap', ...bootstrapper], options), 'debootstrap');
    detail('packing');
    await Promise.all(superfluous.map((path) => emptyDirectory(join(root, path))));
    await step(
      run('tar', ['--numeric-owner', '--one-file-system', '-C', root, '-cf', archive, '.'], { signal }),
      'tar',
    );
    detail('importing');
    await step(
      docker.run(['import', '--change', 'CMD ["sh"]', archive, baseImage], { signal, timeout: 300_000 }),
      'docker import',
    );
  });
}

interface Release {
  suite: string;
  mirror: string;
  keyring: string | undefined;
  environment: Record<string, string>;
}

function bootstrapArguments(release: Release, architecture: string, root: string): string[] {
  const keyring = release.keyring === undefined ? [] : [`--keyring=${release.keyring}`];
  return ['--variant=minbase', `--arch=${architecture}`, ...keyring, release.suite, root, release.mirror];
}

/** What a base image has no use for; the directories themselves stay. */
const superfluous = [
  'var/cache/apt',
  'var/lib/apt/lists',
  'var/log',
  'usr/share/doc',
  'usr/share/info',
  'usr/share/lintian',
  'usr/share/locale',
  'usr/share/man',
];

async function emptyDirectory(path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
}

/** What apt itself is told to use, so that a mirror or a proxy of the site serves here as well. */
async function findRelease({ run, signal, install }: BaseTools): Promise<Release> {
  const obstacle = obstacleToBootstrap();
  if (obstacle !== undefined) {
    throw new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
      message: `No registry answers for ${publicImage}, and a base image cannot be made here: ${obstacle}`,
      remedy: `Let this machine reach an image registry, or load a Debian with \`docker load\` and tag it ${baseImage}.`,
    });
  }
  if ((await run('debootstrap', ['--version'], { signal })).code !== 0) await install(['debootstrap']);
  const suite = (await run('sh', ['-c', '. /etc/os-release && echo "$VERSION_CODENAME"'], { signal })).stdout.trim();
  const source = releaseSource(await readAptSources(), suite);
  if (source === undefined) {
    throw new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
      message: `apt has no source for the release ${suite} that a base image could be made from`,
      remedy: 'Add the distribution’s own archive to /etc/apt/sources.list.',
    });
  }
  const mirror = await resolveMirror(source.uri);
  const config = await run('apt-config', ['dump'], { signal });
  const keyring = source.signedBy !== undefined && existsSync(source.signedBy) ? source.signedBy : undefined;
  return { suite, mirror, keyring, environment: proxyEnvironment(config.stdout, mirror) };
}

function obstacleToBootstrap(): string | undefined {
  if (!existsSync('/etc/debian_version')) return 'this is no Debian or Ubuntu';
  return process.getuid?.() === 0 ? undefined : 'that takes root';
}

async function readAptSources(): Promise<AptSource[]> {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? (await readdir(folder)).sort() : [];
  const sources: AptSource[] = [];
  for (const path of ['/etc/apt/sources.list', ...names.map((name) => join(folder, name))]) {
    const form = /\.(list|sources)$/.exec(path)?.[1];
    if (form === undefined || !existsSync(path)) continue;
    sources.push(...parseAptSources(await readFile(path, 'utf8'), form === 'list' ? 'list' : 'sources'));
  }
  return sources;
}

/** `mirror+file:/path` names a file with a list of mirrors; only apt reads such a thing. */
async function resolveMirror(uri: string): Promise<string> {
  if (!uri.startsWith('mirror+file:'))
    return uri.replace(/^mirror(\+(https?))?:/, (_all, _plus, scheme) => `${scheme ?? 'http'}:`);
  const list = await readFile(uri.slice('mirror+file:'.length), 'utf8');
  return /^[a-z]+:\S+/m.exec(list)?.[0] ?? uri;
}

async function step(command: ReturnType<RunCommand>, name: string): Promise<void> {
  const result = await command;
  if (result.code === 0) return;
  const said = [...result.stdout.split('\n'), ...result.stderr.split('\n')].filter((line) => line.trim() !== '');
  throw new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
    message: `${name} failed while making the base image:\n${said.slice(-5).join('\n')}`,
    remedy: 'Check that apt works here (apt-get update), and that the disk has room.',
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
