import { constants } from 'node:os';
import type { ContainerID } from '../../protocol/messages.ts';
import type { ContainerInput } from '../engine/session.ts';
import type { OutputFollower } from './nested-output.ts';

/** A container as the calls of the operator API see it, whoever it was made for. */
export interface OperatedContainer {
  readonly id: ContainerID;
  /** Its input is a terminal's. */
  readonly terminal: boolean;
  readonly takesInput: boolean;
  readonly over: boolean;
  /** Resolves with its status, as wait(2) has it. */
  readonly ended: Promise<number>;
  /** What it writes from now on; returns the function that stops this. */
  follow(follower: OutputFollower): () => void;
  /** `number` as in signal(7); one that there is not does nothing. */
  kill(number: number): Promise<void>;
  /** The caller's until it is released; undefined while somebody has it, or where there is none. */
  takeInput(): Promise<ContainerInput | undefined>;
  releaseInput(): void;
}

/** By its number in signal(7). */
export function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}

/**
 * An exit code as wait(2) has it. An engine tells no signal from an exit code beyond 128: what was sent and fits is taken to have been the end.
 */
export function waitStatus(exitCode: number, sent: ReadonlySet<number>): number {
  return sent.has(exitCode - 128) ? exitCode - 128 : exitCode << 8;
}
