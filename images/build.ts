import { existsSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as tar from 'tar';
import { MesitaError } from '../protocol/errors.ts';
import { mesitaVersion } from '../runtime/version.ts';
import { baseImage, ensureBaseImage } from './base.ts';
import type { CommandResult, DockerClient, Progress, RunCommand } from './ports.ts';
import { hashSources, listSources, sourcePaths } from './source.ts';
import { withStaging } from './staging.ts';

/** The images of the roles, by the names that compose and people use. */
export const roleImages = {
  master: 'mesita/master',
  agent: 'mesita/agent',
  task: 'mesita/task',
} as const;

type Role = keyof typeof roleImages;
const roles = Object.keys(roleImages) as Role[];

const sourceLabel = 'org.mesita.source';
const runtimeRepository = 'mesita-runtime';
/** The builder before BuildKit leaves the container of a step that is interrupted, unless told not to. */
const build = ['build', '--force-rm'];
/** Milliseconds for one image to be built. */
const buildTimeout = 600_000;

export interface BuildOptions {
  /** The directory of the checkout. */
  checkout: string;
  docker: DockerClient;
  run: RunCommand;
  progress: Progress;
  signal: AbortSignal;
  /** See BaseTools. */
  install: (packages: readonly string[]) => Promise<void>;
}

/** How large an image is: MB of its own layers and what it stands on. */
export interface BuiltImage {
  name: string;
  megabytes: number;
}

/**
 * Makes sure that the engine has the role images of these very sources, and tells their sizes.
 *
 * INVARIANTS
 * - An image whose label names the sources' hash is whole: the label is part of the build, the names are given last.
 * - Half-made things live in a directory of this process under .mesita; the next build sweeps those of dead processes.
 */
export async function ensureImages(options: BuildOptions): Promise<BuiltImage[]> {
  const hash = imagesHash(options.checkout, options.docker.architecture);
  const present = await inspectImages(options, hash);
  if (present !== undefined) return present;
  await withStaging(join(options.checkout, '.mesita'), 'images', async (staging) => {
    await ensureBaseImage({ ...options, staging: join(staging, 'base') });
    const runtime = await ensureRuntimeImage(options, join(staging, 'runtime'));
    await options.progress.during('Building the images of master, agent and task', () =>
      buildRoles(options, join(staging, 'roles'), runtime, hash),
    );
  });
  return (await inspectImages(options, hash)) ?? [];
}

/** Whether the engine has the role images of these very sources. */
export async function imagesAreCurrent(
  options: Pick<BuildOptions, 'checkout' | 'docker' | 'signal'>,
): Promise<boolean> {
  const hash = imagesHash(options.checkout, options.docker.architecture);
  return (await inspectImages(options, hash)) !== undefined;
}

/** The hash of all that goes into the role images. */
export function imagesHash(checkout: string, architecture: string): string {
  const files = listSources(checkout, [...sourcePaths, 'package-lock.json']);
  return hashSources(checkout, files, [baseImage, architecture]);
}

/** The images, when all of them are there and made from these sources. */
async function inspectImages(
  { docker, signal }: Pick<BuildOptions, 'docker' | 'signal'>,
  hash: string,
): Promise<BuiltImage[] | undefined> {
  const names = roles.flatMap((role) => tagsOf(role));
  const format = `{{index .Config.Labels "${sourceLabel}"}} {{.Size}}`;
  const result = await docker.run(['image', 'inspect', '--format', format, ...names], { signal });
  const lines = result.stdout.trim().split('\n');
  if (result.code !== 0 || lines.length !== names.length) return undefined;
  if (!lines.every((line) => line.startsWith(`${hash} `))) return undefined;
  return lines.flatMap((line, index) => {
    const name = names[index] ?? '';
    return name.endsWith(':latest') ? [] : [{ name, megabytes: Math.round(Number(line.split(' ')[1]) / 1e6) }];
  });
}

function tagsOf(role: Role): string[] {
  return [`${roleImages[role]}:${mesitaVersion}`, `${roleImages[role]}:latest`];
}

/** Node and node_modules: what changes seldom, in an image of its own that both daemons start from. */
async function ensureRuntimeImage(options: BuildOptions, context: string): Promise<string> {
  const { checkout, docker, progress, signal } = options;
  const files = listSources(checkout, ['package-lock.json', '.node-version', 'images/runtime/Dockerfile']);
  const name = `${runtimeRepository}:${hashSources(checkout, files, [baseImage, docker.architecture])}`;
  const present = await docker.run(['image', 'inspect', '--format', '{{.Id}}', name], { signal });
  if (present.code === 0) return name;
  await mkdir(context, { recursive: true });
  await progress.during('Gathering Node and the packages for the images', async () => {
    await gatherNode(options, context);
    await gatherPackages(options, context);
  });
  await progress.during('Building the image that master and agent share', async (detail) => {
    const dockerfile = join(checkout, 'images/runtime/Dockerfile');
    const args = ['--file', dockerfile, '--build-arg', `BASE=${baseImage}`, '--tag', name, context];
    check(
      await docker.run([...build, ...args], { signal, timeout: buildTimeout, onLine: detail }),
      'docker build of the runtime image',
    );
  });
  return name;
}

/** npm's name for the platform that the engine runs. */
function nodePlatform(architecture: string): string {
  const cpu = { amd64: 'x64', arm64: 'arm64', aarch64: 'arm64', x86_64: 'x64' }[architecture];
  if (cpu !== undefined) return cpu;
  throw new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
    message: `There is no Node for the engine's architecture, ${architecture}`,
    remedy: 'Use an engine on amd64 or arm64.',
  });
}

async function gatherNode({ checkout, docker, run, signal }: BuildOptions, context: string): Promise<void> {
  const version = readFileSync(join(checkout, '.node-version'), 'utf8').trim();
  const cpu = nodePlatform(docker.architecture);
  const launchers = join(checkout, `.mesita/node-${version}/bin/node`);
  const target = join(context, 'node');
  if (process.platform === 'linux' && process.arch === cpu && existsSync(launchers)) {
    await copyFile(launchers, target);
    return;
  }
  const folder = join(context, 'package');
  await mkdir(folder, { recursive: true });
  const packed = await run('npm', ['pack', '--silent', `node-linux-${cpu}@${version}`], { cwd: folder, signal });
  check(packed, `npm pack of Node ${version}`);
  const archive = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
  await tar.extract({ file: join(folder, archive), cwd: folder, strip: 2 }, ['package/bin/node']);
  await rename(join(folder, 'node'), target);
  await rm(folder, { recursive: true });
}

async function gatherPackages({ checkout, docker, run, signal }: BuildOptions, context: string): Promise<void> {
  const folder = join(context, 'packages');
  await mkdir(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
    await copyFile(join(checkout, name), join(folder, name));
  }
  const platform = ['--os=linux', '--libc=glibc', `--cpu=${nodePlatform(docker.architecture)}`];
  const args = ['ci', '--omit=dev', '--loglevel=error', ...platform];
  check(await run('npm', args, { cwd: folder, signal }), 'npm ci for the images');
  await rename(join(folder, 'node_modules'), join(context, 'node_modules'));
  await rm(folder, { recursive: true });
}

async function buildRoles(options: BuildOptions, context: string, runtime: string, hash: string): Promise<void> {
  const { checkout, docker, signal } = options;
  const app = join(context, 'app');
  for (const file of listSources(checkout, sourcePaths)) {
    await mkdir(dirname(join(app, file)), { recursive: true });
    await cp(join(checkout, file), join(app, file));
  }
  const ids = new Map<Role, string>();
  for (const role of roles) {
    const dockerfile = join(checkout, 'images', role, 'Dockerfile');
    const from = role === 'task' ? `BASE=${baseImage}` : `RUNTIME=${runtime}`;
    const identity = join(context, `${role}.id`);
    const args = [
      '--file',
      dockerfile,
      '--build-arg',
      from,
      '--label',
      `${sourceLabel}=${hash}`,
      '--iidfile',
      identity,
    ];
    check(
      await docker.run([...build, ...args, context], { signal, timeout: buildTimeout }),
      `docker build of ${roleImages[role]}`,
    );
    ids.set(role, readFileSync(identity, 'utf8').trim());
  }
  for (const [role, id] of ids) {
    for (const tag of tagsOf(role)) check(await docker.run(['tag', id, tag], { signal }), `docker tag ${tag}`);
  }
  await removeSuperseded(docker, runtime, signal);
}

/** Images of ours that have lost their names to newer ones. Those that a container still uses stay, so no result is looked at. */
async function removeSuperseded(docker: DockerClient, runtime: string, signal: AbortSignal): Promise<void> {
  await docker.run(['image', 'prune', '--force', '--filter', `label=${sourceLabel}`], { signal });
  const format = '{{.Repository}}:{{.Tag}}';
  const listed = await docker.run(['image', 'ls', '--format', format, runtimeRepository], { signal });
  const old = listed.stdout.split('\n').filter((name) => name !== '' && name !== runtime);
  if (old.length > 0) await docker.run(['image', 'rm', ...old], { signal });
}

function check(result: CommandResult, what: string): void {
  if (result.code === 0) return;
  const said = `${result.stdout}\n${result.stderr}`.split('\n').filter((line) => line.trim() !== '');
  throw new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
    message: `${what} failed:\n${said.slice(-8).join('\n')}`,
    remedy: 'Run `mesita doctor`; it checks the engine, the disk and the network.',
  });
}
