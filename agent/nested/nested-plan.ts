import type { CommandInfo, ContainerInfo } from '../../protocol/messages.ts';
import { variable } from '../container-plan.ts';
import type { SessionOptions } from '../engine/session.ts';

export interface NestedPlan {
  command: string[];
  options: SessionOptions;
}

/** What is run for a nested container, or why it cannot be. It has its parent's files, limits and network, and none of its own. */
export function planNested(
  command: CommandInfo | undefined,
  container: ContainerInfo | undefined,
): NestedPlan | { error: string } {
  if (container !== undefined && wantsMore(container)) return { error: 'The provided ContainerInfo is not supported' };
  if ((command?.uris ?? []).length > 0) return { error: 'URIs of nested containers are not fetched' };
  const words = wordsOf(command);
  if (words === undefined) return { error: "Expecting 'command.value' to be present" };
  const { tty_info } = container ?? {};
  return {
    command: words,
    options: {
      environment: Object.fromEntries((command?.environment?.variables ?? []).flatMap(variable)),
      ...(command?.user === undefined ? {} : { user: command.user }),
      ...(tty_info === undefined ? {} : { terminal: { ...tty_info.window_size } }),
    },
  };
}

/** Whether it is to be a container of its own beside its parent's: it has an image. */
export function hasImage(container: ContainerInfo | undefined): boolean {
  return container?.type === 'MESOS' && container.docker === undefined && container.mesos?.image !== undefined;
}

function wantsMore(container: ContainerInfo): boolean {
  const { type, docker, mesos, volumes = [], network_infos = [] } = container;
  return (
    type !== 'MESOS' || docker !== undefined || mesos?.image !== undefined || volumes.length + network_infos.length > 0
  );
}

function wordsOf(command: CommandInfo | undefined): string[] | undefined {
  if (command?.value === undefined) return undefined;
  if (command.shell ?? true) return ['/bin/sh', '-c', command.value];
  // As execvp: the first argument is the name that the program is told of itself.
  return [command.value, ...(command.arguments ?? []).slice(1)];
}
