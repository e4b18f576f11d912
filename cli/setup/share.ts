/** What the engine's machine has, to be shared out among the agents of a cluster that all run on it. */
export interface MachineCapacity {
  cpus: number;
  /** Bytes. */
  memory: number;
  /** Bytes that are free where the agents work; undefined where that cannot be seen from here. */
  disk: number | undefined;
}

/** MB for a disk that cannot be seen. */
const modestDisk = 10_240;

/**
 * Each agent's part of the machine, in the form of the agents' flag `--resources`. Agents share one engine, so each
 * offering the whole machine would be promising it several times. A whole CPU each is the least, since tasks commonly
 * ask for one: with more agents than CPUs, tasks take turns.
 */
export function shareOfMachine(machine: MachineCapacity, agents: number): string {
  const parts = Math.max(agents, 1);
  const cpus = Math.max(1, Math.floor((machine.cpus / parts) * 10) / 10);
  const memory = megabytes(machine.memory);
  // As Mesos does it: one GB stays with the machine, or half of a small one.
  const spare = memory > 2048 ? memory - 1024 : memory / 2;
  const disk = machine.disk === undefined ? modestDisk : (megabytes(machine.disk) * 0.9) / parts;
  return `cpus:${cpus};mem:${Math.floor(spare / parts)};disk:${Math.floor(disk)}`;
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / (1024 * 1024));
}
