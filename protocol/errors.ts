import { type ErrorCode, errorCatalogue } from './error-codes.ts';

export interface ErrorDetails {
  /** What happened, in one sentence that names the thing concerned (a URI, a flag, an image). */
  message: string;
  /** What a person can do next. Without it, the catalogue's general advice for the code is used. */
  remedy?: string;
  cause?: unknown;
}

/**
 * The one error type that crosses a room's border.
 * `code` is stable and listed in docs/errors.md; `retryable` says whether the same call may succeed later unchanged.
 */
export class MesitaError extends Error {
  override readonly name = 'MesitaError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly remedy: string;

  constructor(code: ErrorCode, details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = errorCatalogue[code].retryable;
    this.remedy = details.remedy ?? errorCatalogue[code].remedy;
  }
}

/** Any thrown value as a sentence; never empty. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
