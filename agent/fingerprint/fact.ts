import type { Resource } from '../../protocol/messages.ts';

/** What the facts are gathered from. */
export interface HostContext {
  workDirectory: string;
  /** What the engine has, where there is one: it may run in a smaller virtual machine than the agent. Cores and MB. */
  engine: { cpus: number; mem: number } | undefined;
}

export function scalar(name: string, value: number): Resource[] {
  return value > 0 ? [{ name, type: 'SCALAR', scalar: { value } }] : [];
}
