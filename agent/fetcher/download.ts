import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { FetchPlan } from './fetch-plan.ts';
import { StallWatch } from './stall-watch.ts';
import { FetchProblem, type OpenedUri, type UriSource } from './uri-source.ts';

export interface DownloadLimits {
  /** Seconds without a byte. */
  stallTimeoutSeconds: number;
  /** Bytes of one file. */
  maxBytes: number;
}

export interface Downloaded {
  bytes: number;
  sha256: string;
  /** Permission bits of the original, where there are any. */
  mode?: number;
}

const progressEveryBytes = 64 * 1024 * 1024;

/**
 * Streams a URI to a new file, hashing on the way. The file is the caller's to remove when this throws.
 * @throws FetchProblem; errors of the file system as they come; the signal's reason.
 */
export async function download(
  plan: FetchPlan,
  source: UriSource,
  path: string,
  limits: DownloadLimits,
  signal: AbortSignal,
  progress: (sentence: string) => void,
): Promise<Downloaded> {
  const watch = new StallWatch(limits.stallTimeoutSeconds, signal);
  const opened = await openWatched(plan.location, source, watch);
  const giveUp = () => opened.body.destroy(watch.signal.reason);
  watch.signal.addEventListener('abort', giveUp);
  // A body that is destroyed before it is read says so in an event too.
  opened.body.on('error', () => {});
  try {
    watch.signal.throwIfAborted();
    checkSize(opened.size ?? 0, limits.maxBytes);
    const received = await receive(plan, opened, path, limits, watch, progress);
    checkWhole(received, opened, plan);
    return { ...received, ...(opened.mode === undefined ? {} : { mode: opened.mode }) };
  } finally {
    watch.disarm();
    watch.signal.removeEventListener('abort', giveUp);
    opened.body.destroy();
  }
}

/** Does not wait for a source that ignores the signal; what it opens too late is closed. */
async function openWatched(location: string, source: UriSource, watch: StallWatch): Promise<OpenedUri> {
  watch.signal.throwIfAborted();
  watch.arm(0);
  let givenUp = false;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(watch.signal.reason);
  watch.signal.addEventListener('abort', onAbort);
  const opening = source.open(location, watch.signal).then((opened) => {
    if (givenUp) opened.body.on('error', () => {}).destroy();
    return opened;
  });
  try {
    return await Promise.race([opening, aborted]);
  } catch (error) {
    givenUp = true;
    throw error;
  } finally {
    watch.disarm();
    watch.signal.removeEventListener('abort', onAbort);
  }
}

async function receive(
  plan: FetchPlan,
  opened: OpenedUri,
  path: string,
  limits: DownloadLimits,
  watch: StallWatch,
  progress: (sentence: string) => void,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let nextProgress = progressEveryBytes;
  const file = await open(path, 'wx', 0o600);
  try {
    watch.arm(bytes);
    for await (const chunk of chunksOf(opened, () => bytes, watch)) {
      watch.disarm();
      bytes += chunk.byteLength;
      checkSize(bytes, limits.maxBytes);
      hash.update(chunk);
      await file.writeFile(chunk);
      if (bytes >= nextProgress) {
        nextProgress += progressEveryBytes;
        progress(`Fetching ${plan.shown}: ${sizeSoFar(bytes, opened.size)}`);
      }
      watch.arm(bytes);
    }
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function* chunksOf(opened: OpenedUri, bytesSoFar: () => number, watch: StallWatch): AsyncGenerator<Uint8Array> {
  try {
    yield* opened.body;
  } catch (error) {
    watch.signal.throwIfAborted();
    if (error instanceof FetchProblem) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new FetchProblem(
      `the connection broke after ${sizeSoFar(bytesSoFar(), opened.size)}: ${cause}`,
      undefined,
      error,
    );
  }
}

function checkSize(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  throw new FetchProblem(
    `it is larger than the ${maxBytes} bytes that this agent fetches at most`,
    'Raise the agent’s limit, or mount large data as a volume.',
  );
}

function checkWhole(received: { bytes: number; sha256: string }, opened: OpenedUri, plan: FetchPlan): void {
  if (opened.size !== undefined && received.bytes !== opened.size) {
    throw new FetchProblem(
      `${received.bytes} bytes came where ${opened.size} were announced`,
      'Check the file on the server, and the proxies in between; then try again.',
    );
  }
  if (plan.sha256 !== undefined && plan.sha256 !== received.sha256) {
    throw new FetchProblem(
      `its digest is sha256=${received.sha256}, and the URI pins sha256=${plan.sha256}`,
      'If the file was meant to change, pin the new digest; if not, find out who changed it.',
    );
  }
}

function sizeSoFar(bytes: number, size: number | undefined): string {
  return size === undefined ? `${bytes} bytes` : `${bytes} of ${size} bytes`;
}
