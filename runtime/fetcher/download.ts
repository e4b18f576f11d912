import { setTimeout as pause } from 'node:timers/promises';
import type { FetchPlan } from './fetch-plan.ts';
import type { Growth } from './growth.ts';
import { IncomingFile } from './incoming-file.ts';
import { StallWatch } from './stall-watch.ts';
import { BrokenConnection, FetchProblem, type OpenedUri, type OpenOptions, type UriSource } from './uri-source.ts';

export interface DownloadLimits {
  /** Seconds without a byte. */
  stallTimeoutSeconds: number;
  /** Bytes of one file. */
  maxBytes: number;
  /** Seconds before a broken download is taken up again for the first time; each further pause is twice as long. */
  resumePauseSeconds: number;
}

export interface Downloaded {
  bytes: number;
  /** Lower-case hexadecimal; where it is pinned or the file may be cached. It costs more than all the rest. */
  sha256?: string;
  /** Permission bits of the original, where there are any. */
  mode?: number;
}

/** What a download has come to know of its file; it may be asked for while it runs. */
export interface DownloadFacts {
  validator: string | undefined;
  readonly growth: Growth;
}

const progressEveryBytes = 64 * 1024 * 1024;
/** Of a download that broke, in a row; one that brought this much in between starts counting again. */
const mostResumes = 5;
const worthwhileBytes = 1024 * 1024;

/**
 * Streams a URI to a new file, hashing on the way where need be; goes on where it was when the connection breaks, or begins again where
 * the server cannot do that. The file is the caller's to remove when this throws.
 * @throws FetchProblem; errors of the file system as they come; the signal's reason.
 */
export async function download(
  plan: FetchPlan,
  source: UriSource,
  path: string,
  limits: DownloadLimits,
  signal: AbortSignal,
  progress: (sentence: string) => void,
  facts: DownloadFacts,
): Promise<Downloaded> {
  const file = await IncomingFile.create(path, facts.growth, plan.cache || plan.sha256 !== undefined);
  try {
    const receiving = new Receiving(plan, source, file, limits, signal, progress, facts);
    const mode = await receiving.run();
    const sha256 = await file.finish();
    checkPin(sha256, plan);
    return {
      bytes: file.bytes,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(mode === undefined ? {} : { mode }),
    };
  } finally {
    await file.close();
  }
}

class Receiving {
  readonly #plan: FetchPlan;
  readonly #source: UriSource;
  readonly #file: IncomingFile;
  readonly #limits: DownloadLimits;
  readonly #signal: AbortSignal;
  readonly #progress: (sentence: string) => void;
  readonly #facts: DownloadFacts;
  #nextProgress = progressEveryBytes;

  constructor(
    plan: FetchPlan,
    source: UriSource,
    file: IncomingFile,
    limits: DownloadLimits,
    signal: AbortSignal,
    progress: (sentence: string) => void,
    facts: DownloadFacts,
  ) {
    this.#plan = plan;
    this.#source = source;
    this.#file = file;
    this.#limits = limits;
    this.#signal = signal;
    this.#progress = progress;
    this.#facts = facts;
  }

  /** Gives the original's permission bits. A server that cannot be had in the first place is not asked again. */
  async run(): Promise<number | undefined> {
    let broken = 0;
    for (;;) {
      const before = this.#file.bytes;
      try {
        return await this.#receiveOnce();
      } catch (error) {
        const mayResume = error instanceof BrokenConnection || (broken > 0 && error instanceof FetchProblem);
        if (!mayResume || this.#signal.aborted) throw error;
        broken = this.#file.bytes - before >= worthwhileBytes ? 1 : broken + 1;
        if (broken > mostResumes) throw giveUp(error, broken);
        this.#progress(`Fetching ${this.#plan.shown} again: ${error.message}`);
        await pause(this.#limits.resumePauseSeconds * 1000 * 2 ** (broken - 1), undefined, { signal: this.#signal });
      }
    }
  }

  async #receiveOnce(): Promise<number | undefined> {
    const watch = new StallWatch(this.#limits.stallTimeoutSeconds, this.#signal);
    const opened = await openWatched(this.#plan.location, this.#source, watch, this.#limits.maxBytes, this.#resume());
    const destroy = () => opened.body.destroy(watch.signal.reason);
    watch.signal.addEventListener('abort', destroy);
    // A body that is destroyed before it is read says so in an event too.
    opened.body.on('error', () => {});
    try {
      watch.signal.throwIfAborted();
      checkSize(opened.size ?? 0, this.#limits.maxBytes);
      if ((opened.offset ?? 0) !== this.#file.bytes) await this.#file.restart();
      if (opened.validator !== undefined || this.#file.bytes === 0) this.#facts.validator = opened.validator;
      await this.#receive(opened, watch);
      checkWhole(this.#file.bytes, opened);
      return opened.mode;
    } finally {
      watch.disarm();
      watch.signal.removeEventListener('abort', destroy);
      opened.body.destroy();
    }
  }

  /** Only where what comes then can be told to be of the same file: by its validator, or by its digest in the end. */
  #resume(): OpenOptions['resume'] {
    const { validator } = this.#facts;
    if (this.#file.bytes === 0 || (validator === undefined && this.#plan.sha256 === undefined)) return undefined;
    return { offset: this.#file.bytes, validator };
  }

  async #receive(opened: OpenedUri, watch: StallWatch): Promise<void> {
    watch.arm(this.#file.bytes);
    for await (const chunk of chunksOf(opened, () => this.#file.bytes, watch)) {
      watch.disarm();
      checkSize(this.#file.bytes + chunk.byteLength, this.#limits.maxBytes);
      await this.#file.append(chunk);
      if (this.#file.bytes >= this.#nextProgress) {
        this.#nextProgress += progressEveryBytes;
        this.#progress(`Fetching ${this.#plan.shown}: ${sizeSoFar(this.#file.bytes, opened.size)}`);
      }
      watch.arm(this.#file.bytes);
    }
  }
}

/** Does not wait for a source that ignores the signal; what it opens too late is closed. */
async function openWatched(
  location: string,
  source: UriSource,
  watch: StallWatch,
  maxBytes: number,
  resume: OpenOptions['resume'],
): Promise<OpenedUri> {
  watch.signal.throwIfAborted();
  watch.arm(resume?.offset ?? 0);
  let givenUp = false;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(watch.signal.reason);
  watch.signal.addEventListener('abort', onAbort);
  const copied = (bytes: number) => {
    if (bytes > maxBytes) watch.fail(tooLarge(maxBytes));
    else if (!givenUp) watch.arm(bytes);
  };
  const options = { copied, ...(resume === undefined ? {} : { resume }) };
  const opening = source.open(location, watch.signal, options).then((opened) => {
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

async function* chunksOf(opened: OpenedUri, bytesSoFar: () => number, watch: StallWatch): AsyncGenerator<Uint8Array> {
  try {
    yield* opened.body;
  } catch (error) {
    watch.signal.throwIfAborted();
    if (error instanceof FetchProblem) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new BrokenConnection(
      `the connection broke after ${sizeSoFar(bytesSoFar(), opened.size)}: ${cause}`,
      undefined,
      error,
    );
  }
}

function checkSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw tooLarge(maxBytes);
}

function tooLarge(maxBytes: number): FetchProblem {
  return new FetchProblem(
    `it is larger than the ${maxBytes} bytes that this agent fetches at most`,
    'Raise the agent’s limit, or mount large data as a volume.',
  );
}

function checkWhole(bytes: number, opened: OpenedUri): void {
  if (opened.size === undefined || bytes === opened.size) return;
  throw new BrokenConnection(
    `${bytes} bytes came where ${opened.size} were announced`,
    'Check the file on the server, and the proxies in between; then try again.',
  );
}

function checkPin(sha256: string | undefined, plan: FetchPlan): void {
  if (plan.sha256 === undefined || plan.sha256 === sha256) return;
  throw new FetchProblem(
    `its digest is sha256=${sha256}, and the URI pins sha256=${plan.sha256}`,
    'If the file was meant to change, pin the new digest; if not, find out who changed it.',
  );
}

function giveUp(problem: FetchProblem, attempts: number): FetchProblem {
  const remedy = problem.remedy ?? 'Look at the server’s log, and at proxies and firewalls that cut long connections.';
  return new FetchProblem(`${problem.message} (tried ${attempts} times)`, remedy, problem);
}

function sizeSoFar(bytes: number, size: number | undefined): string {
  return size === undefined ? `${bytes} bytes` : `${bytes} of ${size} bytes`;
}
