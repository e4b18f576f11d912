import type { ErrorCode } from '../../protocol/error-codes.ts';

/** Why an archive is not extracted: a clause that goes on "archive … cannot be extracted: ". */
export class ArchiveProblem extends Error {
  override readonly name = 'ArchiveProblem';
  readonly code: Extract<ErrorCode, 'MESITA_ARCHIVE_UNSAFE' | 'MESITA_ARCHIVE_INVALID'>;

  constructor(code: ArchiveProblem['code'], clause: string, cause?: unknown) {
    super(clause, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export function unsafe(clause: string): ArchiveProblem {
  return new ArchiveProblem('MESITA_ARCHIVE_UNSAFE', clause);
}

export function invalid(clause: string, cause?: unknown): ArchiveProblem {
  return new ArchiveProblem('MESITA_ARCHIVE_INVALID', clause, cause);
}

/** An entry's name for a message: quoted, control characters escaped, not longer than a line. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 117)}…` : name);
}
