import type { Readable } from 'node:stream';

/** What one URI gives: its bytes, and what is known of them beforehand. */
export interface OpenedUri {
  /** Chunks of bytes. Destroying it closes the connection or the file. */
  body: Readable;
  /** Where in the file the body begins, in bytes; absent at the beginning, whatever was asked for. */
  offset?: number;
  /** Length of the whole file in bytes, where the other side tells it. A body of another length counts as broken. */
  size?: number;
  /** Tells this very content from any other under the same address; absent where the other side gives no such mark. */
  validator?: string;
  /** Permission bits of the original, where there are any (local files). */
  mode?: number;
}

export interface OpenOptions {
  /** Leave out so many bytes, if the file is still the one with this validator. A source may give the whole instead. */
  resume?: { offset: number; validator: string | undefined };
  /** To be called while a source copies before it answers, with the bytes so far, so that it is not taken for stalled. */
  copied?: (bytes: number) => void;
}

/** Where the bytes of a scheme's URIs come from. The agent's main adds its own (`mesita:`) beside http, https and file. */
export interface UriSource {
  /**
   * Opens the URI, given without its fragment. Gives up when the signal is aborted, during the body too.
   * @throws FetchProblem with a cause that a person can act on; anything else is reported by its message.
   */
  open(location: string, signal: AbortSignal, options?: OpenOptions): Promise<OpenedUri>;
  /** The validator that `open` would give at the moment, without the body. Never throws for a server that gives none. */
  validator?(location: string, signal: AbortSignal): Promise<string | undefined>;
  close?(): Promise<void>;
}

/** Why a URI cannot be had: a clause that goes on "URI cannot be fetched: …", and what to do about it. */
export class FetchProblem extends Error {
  override readonly name: string = 'FetchProblem';
  readonly remedy: string | undefined;

  constructor(clause: string, remedy?: string, cause?: unknown) {
    super(clause, cause === undefined ? undefined : { cause });
    this.remedy = remedy;
  }
}

/** A download that ended before its end: trying again may help. */
export class BrokenConnection extends FetchProblem {
  override readonly name = 'BrokenConnection';
}
