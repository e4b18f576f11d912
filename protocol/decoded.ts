// What the decoders of both media types share.

/**
 * What came of decoding. `error` is a sentence in Mesos' words, without the `Failed to …:` that an endpoint puts before
 * it; `stage` says whether the body was no JSON or no protobuf at all (`syntax`), or did not fit the message
 * (`conversion`).
 */
export type Decoded<T> = { ok: true; value: T } | { ok: false; error: string; stage: 'syntax' | 'conversion' };

/** Carries the text of a refusal out of a compiled decoder; never leaves the codec. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Messages may hold one another this deep, as in protobuf's own parsers. */
export const maximumDepth = 100;

/** Elements of a body at the most: what is a few bytes on the wire is up to a hundred in memory. */
export const mostValues = 3_000_000;

/** A 64-bit integer as a number where that is exact, else as a bigint. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Compiles on first use, since not every process needs every direction of every codec (about 10 ms each). */
export function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
