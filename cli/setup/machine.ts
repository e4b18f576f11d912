import { type BuiltImage, ensureImages } from '../../images/build.ts';
import type { DockerClient } from '../../images/ports.ts';
import { installPackages } from './apt.ts';
import type { Compose } from './compose.ts';
import { type EngineTools, ensureCompose, ensureEngine } from './engine.ts';

export interface MachineOptions extends EngineTools {
  /** The directory of the checkout. */
  checkout: string;
}

/** A machine on which a cluster can be started. */
export interface Machine {
  docker: DockerClient;
  compose: Compose;
  images: BuiltImage[];
}

/** Brings all that a cluster needs: an engine, compose, and the images. Takes about a second when all is there. */
export async function prepareMachine(options: MachineOptions): Promise<Machine> {
  const docker = await ensureEngine(options);
  const compose = await ensureCompose(options, docker);
  return { docker, compose, images: await buildImages(options, docker) };
}

/** Brings what tasks need: an engine and the images, without compose. */
export async function prepareEngine(options: MachineOptions): Promise<void> {
  await buildImages(options, await ensureEngine(options));
}

function buildImages(options: MachineOptions, docker: DockerClient): Promise<BuiltImage[]> {
  const install = (packages: readonly string[]) =>
    installPackages(options, packages.join(', '), async () => [...packages]);
  return ensureImages({ ...options, docker, install });
}
