import type { ContainerLogs } from './container-logs.ts';

/** In the place of ContainerLogs where the engine itself writes the output into the sandboxes: nothing is left to do. */
export const outputInPlace: Pick<ContainerLogs, 'attach' | 'drop' | 'started' | 'recovered' | 'ended' | 'stop'> = {
  attach: async () => undefined,
  drop: () => undefined,
  started: () => undefined,
  recovered: () => undefined,
  ended: async () => undefined,
  stop: () => undefined,
};
