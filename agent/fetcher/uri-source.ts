import type { Readable } from 'node:stream';

/** What one URI gives: its bytes, and what is known of them beforehand. */
export interface OpenedUri {
  /** Chunks of bytes. Destroying it closes the connection or the file. */
  body: Readable;
  /** Length in bytes, where the other side tells it. A body of another length counts as broken. */
  size?: number;
  /** Permission bits of the original, where there are any (local files). */
  mode?: number;
}

/** Where the bytes of a scheme's URIs come from. The agent's main adds its own (`mesita:`) beside http, https and file. */
export interface UriSource {
  /**
   * Opens the URI, given without its fragment. Gives up when the signal is aborted, during the body too.
   * @throws FetchProblem with a cause that a person can act on; anything else is reported by its message.
   */
  open(location: string, signal: AbortSignal): Promise<OpenedUri>;
  close?(): Promise<void>;
}

/** Why a URI cannot be had: a clause that goes on "URI cannot be fetched: …", and what to do about it. */
export class FetchProblem extends Error {
  override readonly name = 'FetchProblem';
  readonly remedy: string | undefined;

  constructor(clause: string, remedy?: string, cause?: unknown) {
    super(clause, cause === undefined ? undefined : { cause });
    this.remedy = remedy;
  }
}
