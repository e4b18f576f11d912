import type { CommandOptions, CommandResult, DockerClient, RunCommand } from '../../images/ports.ts';

/** Compose, as the plugin or as the program of its own that it was before. */
export interface Compose {
  /** As people would type it. */
  name: 'docker compose' | 'docker-compose';
  version: string;
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

/** Undefined where neither the plugin nor docker-compose is installed. */
export async function findCompose(
  run: RunCommand,
  docker: DockerClient,
  signal: AbortSignal,
): Promise<Compose | undefined> {
  const plugin = await docker.run(['compose', 'version', '--short'], { signal });
  if (plugin.code === 0) {
    const name = 'docker compose';
    return { name, version: plugin.stdout.trim(), run: (args, options) => docker.run(['compose', ...args], options) };
  }
  const program = await run('docker-compose', ['version', '--short'], { signal });
  if (program.code !== 0) return undefined;
  const name = 'docker-compose';
  return { name, version: program.stdout.trim(), run: (args, options) => run('docker-compose', args, options) };
}
