import type { ErrorCode } from '../../protocol/error-codes.ts';
import { MesitaError } from '../../protocol/errors.ts';

/** What a caller may want to do something about; `other`: the server's number is in the message. */
export type ZooKeeperProblem =
  | 'connection lost'
  | 'session over'
  | 'no node'
  | 'node exists'
  | 'bad version'
  | 'not permitted'
  | 'other';

const problems: Record<number, ZooKeeperProblem> = {
  [-4]: 'connection lost',
  [-101]: 'no node',
  [-102]: 'not permitted',
  [-103]: 'bad version',
  [-110]: 'node exists',
  [-112]: 'session over',
  [-115]: 'not permitted',
  // The session goes on at another server.
  [-118]: 'connection lost',
};

/**
 * Why ZooKeeper did not do something. After `connection lost` it may have done it nevertheless.
 * Code MESITA_ZOOKEEPER_UNREACHABLE for `connection lost` and `session over`, else MESITA_ZOOKEEPER_REFUSED.
 */
export class ZooKeeperError extends MesitaError {
  readonly problem: ZooKeeperProblem;

  constructor(problem: ZooKeeperProblem, message: string, cause?: unknown) {
    const code: ErrorCode =
      problem === 'connection lost' || problem === 'session over'
        ? 'MESITA_ZOOKEEPER_UNREACHABLE'
        : 'MESITA_ZOOKEEPER_REFUSED';
    super(code, { message, cause });
    this.problem = problem;
  }
}

/** An error number of the server, which it gave to `what`. */
export function refusedByServer(number: number, what: string): ZooKeeperError {
  const problem = problems[number] ?? 'other';
  return new ZooKeeperError(problem, `ZooKeeper: ${what}: ${problem === 'other' ? `error ${number}` : problem}`);
}

export function isProblem(error: unknown, ...which: ZooKeeperProblem[]): boolean {
  return error instanceof ZooKeeperError && which.includes(error.problem);
}
