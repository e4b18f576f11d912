import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { CommandInfo } from '../protocol/messages.ts';
import type { CheckTarget } from '../runtime/checks/check-plan.ts';
import type { Probe } from '../runtime/checks/checker.ts';
import { loopback, NotConnected, probeNetwork } from '../runtime/checks/network-probe.ts';
import type { ProbeResult } from '../runtime/checks/verdict.ts';
import { type Account, type MarkingShell, marked, programOf, variablesOf } from './task-command.ts';

/** Where a task's processes run. */
export interface TaskPlace {
  directory: string;
  environment: Readonly<Record<string, string>>;
  account: Account | undefined;
  /** Of the task: what a check has started ends with it, and counts as its own. */
  mark: string;
  shell: MarkingShell;
}

/** How an attempt of a check is made: beside the task, and in the network that it shares with this executor. */
export function taskProbe(target: CheckTarget, place: TaskPlace): Probe {
  if (target.type === 'COMMAND') return { attempt: (signal) => runCheck(target.command, place, signal) };
  return {
    attempt: (signal) =>
      probeNetwork(target, { address: loopback(target.family) }, signal).catch(refusedBy(target.type)),
  };
}

function refusedBy(type: 'HTTP' | 'TCP'): (error: unknown) => ProbeResult {
  return (error) => {
    if (type === 'TCP' && error instanceof NotConnected) return { type, succeeded: false };
    throw error;
  };
}

/** When the signal aborts, all that is left in the command's session is killed. */
async function runCheck(command: CommandInfo, place: TaskPlace, signal: AbortSignal): Promise<ProbeResult> {
  signal.throwIfAborted();
  const { file, name, args } = marked(programOf(command), place.mark, place.shell);
  const child = spawn(file, args, {
    argv0: name,
    cwd: place.directory,
    env: { ...place.environment, ...variablesOf(command) },
    stdio: 'ignore',
    // setsid
    detached: true,
    ...place.account,
  });
  const giveUp = () => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener('abort', giveUp);
  try {
    const [code, killer] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    signal.throwIfAborted();
    return { type: 'COMMAND', exitCode: killer === null ? (code ?? 0) : 128 + constants.signals[killer] };
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
