import { type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { ArchiveProblem } from './archive-problem.ts';
import { extract } from './extract.ts';
import { ExtractionBudget } from './extraction-budget.ts';
import { type FetchPlan, type PlanProblem, planFetch } from './fetch-plan.ts';
import { createFileSource } from './file-source.ts';
import { createHadoopSource } from './hadoop-source.ts';
import { createHttpSource } from './http-source.ts';
import { type Holding, SharedDownloads, type SharedDownloadsOptions } from './shared-downloads.ts';
import { type Owner, Staging } from './staging.ts';
import { noCredentials, type UriCredentials } from './uri-credentials.ts';
import { FetchProblem, type UriSource } from './uri-source.ts';

/** A task's CommandInfo.URI. */
export interface FetchUri {
  value: string;
  executable?: boolean;
  /** Absent means true. */
  extract?: boolean;
  cache?: boolean;
  output_file?: string;
}

export interface FetchTarget {
  /** An existing directory. */
  sandbox: string;
  /** Whose the files become; absent: the agent's own user. */
  owner?: Owner;
}

export interface FetchedFile {
  /** As the task gave it. */
  uri: string;
  /** Absolute path in the sandbox; an archive is there beside what it held, but for one that comes from the cache. */
  path?: string;
  bytes: number;
  /** Lower-case hexadecimal. */
  sha256: string;
  extracted: boolean;
}

export interface Fetcher {
  /**
   * Fetches all URIs into the sandbox, or none: nothing appears there before everything is downloaded, checked and
   * extracted. A later URI replaces what an earlier one, or an earlier fetch, put under the same name.
   * @throws MesitaError MESITA_FETCH_FAILED, MESITA_ARCHIVE_UNSAFE, MESITA_ARCHIVE_INVALID, MESITA_DISK_FULL;
   * the signal's reason when it is aborted.
   */
  fetch(
    uris: readonly FetchUri[],
    target: FetchTarget,
    options: { signal: AbortSignal; progress?: (sentence: string) => void },
  ): Promise<FetchedFile[]>;
  /** Bytes that the cache may take, and takes. */
  readonly cache: { readonly totalBytes: number; readonly usedBytes: number };
  /** Closes connections that are kept open and empties the cache. Call it when no fetch is under way. */
  close(): Promise<void>;
}

export interface FetcherOptions extends SharedDownloadsOptions {
  /** For http and https, and the caller's to close. Absent: one that heeds the proxy variables of the environment. */
  dispatcher?: Dispatcher;
  /** Entries of all the archives of one fetch. */
  maxEntries: number;
  /** Bytes that all the archives of one fetch unpack to. */
  maxExtractedBytes: number;
  /** Sources of further schemes by their names in lower case, such as `mesita`; also replaces built-in ones. */
  sources?: Readonly<Record<string, UriSource>>;
  /** For servers of http and https. Every task may have them used. */
  credentials?: UriCredentials;
  /** The program for all other schemes. */
  hadoopClient?: string;
}

const mostDownloadsAtOnce = 4;

export function createFetcher(options: FetcherOptions): Fetcher {
  const ownDispatcher =
    options.dispatcher === undefined
      ? new EnvHttpProxyAgent({ connect: { timeout: options.stallTimeoutSeconds * 1000 } })
      : undefined;
  const http = createHttpSource(
    options.dispatcher ?? ownDispatcher ?? new EnvHttpProxyAgent(),
    options.credentials ?? noCredentials,
  );
  const downloads = new SharedDownloads(options);
  // A failure is told by the first fetch.
  downloads.directory().catch(() => {});
  const hadoop =
    options.hadoopClient === undefined
      ? undefined
      : createHadoopSource({ client: options.hadoopClient, directory: () => downloads.directory() });
  const sources = new Map<string, UriSource>([
    ['http', http],
    ['https', http],
    ['file', createFileSource()],
    ...Object.entries(options.sources ?? {}),
  ]);
  return {
    async fetch(uris, target, { signal, progress = () => {} }) {
      signal.throwIfAborted();
      const jobs = uris.map((uri) => planJob(uri, sources, hadoop));
      if (jobs.length === 0) return [];
      const fetching = new Fetching(jobs, target, downloads, options, progress);
      return fetching.run(signal);
    },
    cache: downloads.cache,
    async close() {
      await downloads.close();
      await ownDispatcher?.destroy();
      for (const source of new Set(sources.values())) await source.close?.();
    },
  };
}

interface Job {
  uri: FetchUri;
  plan: FetchPlan;
  source: UriSource;
}

function planJob(uri: FetchUri, sources: ReadonlyMap<string, UriSource>, others: UriSource | undefined): Job {
  const plan = planFetch(uri);
  if (isProblem(plan)) throw cannotFetch(plan.shown, plan.problem, plan.remedy);
  const source = sources.get(plan.scheme) ?? others;
  if (source === undefined) {
    const known = [...sources.keys()].join(', ');
    throw cannotFetch(
      plan.shown,
      `this agent has no client for the scheme ${plan.scheme}`,
      `Serve the file by one of: ${known}; or start the agent with a --hadoop_client that knows it.`,
    );
  }
  return { uri, plan, source };
}

function isProblem(plan: FetchPlan | PlanProblem): plan is PlanProblem {
  return 'problem' in plan;
}

function cannotFetch(shown: string, clause: string, remedy: string | undefined, cause?: unknown): MesitaError {
  return new MesitaError('MESITA_FETCH_FAILED', {
    message: `URI ${shown} cannot be fetched: ${clause}`,
    ...(remedy === undefined ? {} : { remedy }),
    cause,
  });
}

/** One call of `fetch`: download all at once, then lay them out one after the other, then move all into the sandbox. */
class Fetching {
  readonly #jobs: readonly Job[];
  readonly #target: FetchTarget;
  readonly #downloads: SharedDownloads;
  readonly #options: FetcherOptions;
  readonly #progress: (sentence: string) => void;

  constructor(
    jobs: readonly Job[],
    target: FetchTarget,
    downloads: SharedDownloads,
    options: FetcherOptions,
    progress: (sentence: string) => void,
  ) {
    this.#jobs = jobs;
    this.#target = target;
    this.#downloads = downloads;
    this.#options = options;
    this.#progress = progress;
  }

  async run(signal: AbortSignal): Promise<FetchedFile[]> {
    const budget = new ExtractionBudget(this.#options.maxEntries, this.#options.maxExtractedBytes);
    const staging = await this.#explained(undefined, signal, () =>
      Staging.create(this.#target.sandbox, this.#target.owner, budget),
    );
    const holdings: Array<Holding | undefined> = this.#jobs.map(() => undefined);
    try {
      await this.#obtainAll(holdings, signal);
      const files: FetchedFile[] = [];
      // In the order of the task: what comes later replaces what came before.
      for (const [index, job] of this.#jobs.entries()) {
        const holding = holdings[index];
        if (holding === undefined) throw new Error(`no download of ${job.plan.shown}`);
        files.push(await this.#layOut(job, index, holding, { staging, budget, signal }));
      }
      signal.throwIfAborted();
      await this.#explained(undefined, signal, () => staging.commit());
      return files;
    } finally {
      await Promise.allSettled(holdings.map((holding) => holding?.release()));
      await staging.remove();
    }
  }

  /** The first failure ends the other downloads; it is the one that is told. */
  async #obtainAll(holdings: Array<Holding | undefined>, outer: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([outer, failed.signal]);
    const queue = this.#jobs.entries();
    const work = async () => {
      for (const [index, job] of queue) {
        if (signal.aborted) return;
        try {
          holdings[index] = await this.#explained(job, signal, () => this.#obtain(job, signal));
        } catch (error) {
          failed.abort(error);
        }
      }
    };
    await Promise.all(Array.from({ length: mostDownloadsAtOnce }, work));
    signal.throwIfAborted();
  }

  #obtain({ plan, source }: Job, signal: AbortSignal): Promise<Holding> {
    this.#progress(`Fetching ${plan.shown}`);
    return this.#downloads.obtain(plan, source, signal, this.#progress);
  }

  async #layOut(
    job: Job,
    index: number,
    holding: Holding,
    extraction: { staging: Staging; budget: ExtractionBudget; signal: AbortSignal },
  ): Promise<FetchedFile> {
    const { plan } = job;
    const { archive } = plan;
    // Of a cached archive only what it held is in the sandbox, as in Mesos.
    const shown = !(plan.cache && archive !== undefined);
    await this.#explained(job, extraction.signal, async () => {
      if (shown) await this.#place(plan, index, holding, extraction.staging);
      if (archive === undefined) return;
      this.#progress(`Extracting ${archive.name}`);
      const path = shown ? extraction.staging.pathOf(plan.name.split('/')) : holding.path;
      await extract(path, archive, extraction);
    });
    return {
      uri: job.uri.value,
      ...(shown ? { path: `${this.#target.sandbox.replace(/\/+$/, '')}/${plan.name}` } : {}),
      bytes: holding.bytes,
      sha256: holding.sha256,
      extracted: archive !== undefined,
    };
  }

  async #place(plan: FetchPlan, index: number, holding: Holding, staging: Staging): Promise<void> {
    // Mesos copies local files under the usual umask: the bits of the original, but for the others' right to write.
    const mode = plan.executable ? 0o755 : (holding.mode ?? 0o644) & 0o755;
    staging.beginStep();
    await holding.place(staging.downloadPath(index));
    await staging.place(staging.downloadPath(index), plan.name.split('/'), mode);
  }

  /** Runs a step and says of its failure what a person needs: which URI, what happened, what to do. */
  async #explained<T>(job: Job | undefined, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (signal.aborted || error instanceof MesitaError) throw error;
      const shown = job?.plan.shown ?? this.#jobs.map(({ plan }) => plan.shown).join(', ');
      throw explain(error, shown, this.#target.sandbox);
    }
  }
}

function explain(error: unknown, shown: string, sandbox: string): MesitaError {
  if (error instanceof ArchiveProblem) {
    return new MesitaError(error.code, {
      message: `Archive ${shown} cannot be extracted: ${error.message}`,
      cause: error,
    });
  }
  if (error instanceof FetchProblem) return cannotFetch(shown, error.message, error.remedy, error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MesitaError('MESITA_DISK_FULL', {
      message: `URI ${shown} cannot be fetched: the disk of ${sandbox}, or of the fetcher’s cache, has no room left`,
      remedy: `Free some space on the disk of ${sandbox}, or give the agent another --work_dir or --fetcher_cache_dir.`,
      cause: error,
    });
  }
  return cannotFetch(shown, describeError(error), undefined, error);
}
