import { type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import { ArchiveProblem } from './archive-problem.ts';
import { canFollow, type Extraction, extract } from './extract.ts';
import { ExtractionBudget } from './extraction-budget.ts';
import { type ArchiveFormat, type FetchPlan, type PlanProblem, planFetch } from './fetch-plan.ts';
import { createFileSource } from './file-source.ts';
import { BegunAgain } from './growing-file.ts';
import { createHadoopSource } from './hadoop-source.ts';
import { createHttpSource } from './http-source.ts';
import { type Holding, SharedDownloads, type SharedDownloadsOptions } from './shared-downloads.ts';
import { type Owner, Staging } from './staging.ts';
import { unlessAborted } from './unless-aborted.ts';
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
  /** Lower-case hexadecimal; where it is pinned or the file may be cached. */
  sha256?: string;
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
      try {
        return await fetching.run('following', signal);
      } catch (error) {
        if (!(error instanceof BegunAgain)) throw error;
        return fetching.run('whole', signal);
      }
    },
    cache: downloads.cache,
    async close() {
      await downloads.close();
      await ownDispatcher?.destroy();
      for (const source of new Set(sources.values())) await source.close?.();
    },
  };
}

/** A download to be, and who waits for it to begin. */
interface Slot {
  job: Job;
  holding: PromiseWithResolvers<Holding>;
}

interface Layout extends Extraction {
  pace: Pace;
}

/** Whether archives are extracted while they come in, or only when they are there. */
type Pace = 'following' | 'whole';

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

/**
 * One call of `fetch`: downloads all at once, lays them out one after the other while they come in, and moves all into the
 * sandbox when they are there and checked.
 */
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

  /** @throws BegunAgain where following came to nothing, since a download began again in mid-extraction. */
  async run(pace: Pace, outer: AbortSignal): Promise<FetchedFile[]> {
    const failed = new AbortController();
    const signal = AbortSignal.any([outer, failed.signal]);
    const budget = new ExtractionBudget(this.#options.maxEntries, this.#options.maxExtractedBytes);
    const staging = await this.#explained(undefined, signal, () =>
      Staging.create(this.#target.sandbox, this.#target.owner, budget),
    );
    const slots = this.#jobs.map((job) => ({ job, holding: Promise.withResolvers<Holding>() }));
    const held: Holding[] = [];
    try {
      const queue = slots.values();
      const works = Array.from({ length: mostDownloadsAtOnce }, () => this.#download(queue, held, signal));
      const layingOut = this.#layOutAll(slots, { staging, budget, signal, pace });
      // The first failure ends all else; it is the one that is told.
      const fail = (error: unknown) => failed.abort(error);
      await Promise.all([...works, layingOut].map((work) => work.catch(fail)));
      signal.throwIfAborted();
      await this.#explained(undefined, signal, () => staging.commit());
      return await layingOut;
    } finally {
      await Promise.allSettled(held.map((holding) => holding.release()));
      await staging.remove();
    }
  }

  async #download(queue: Iterable<Slot>, held: Holding[], signal: AbortSignal): Promise<void> {
    for (const { job, holding } of queue) {
      await this.#explained(job, signal, async () => {
        signal.throwIfAborted();
        const obtained = await this.#obtain(job, signal);
        held.push(obtained);
        holding.resolve(obtained);
        await obtained.whole();
      });
    }
  }

  /** In the order of the task: what comes later replaces what came before. */
  async #layOutAll(slots: readonly Slot[], layout: Layout): Promise<FetchedFile[]> {
    const files: FetchedFile[] = [];
    for (const [index, { job, holding }] of slots.entries()) {
      const obtained = await unlessAborted(holding.promise, layout.signal);
      files.push(await this.#explained(job, layout.signal, () => this.#layOut(job, index, obtained, layout)));
    }
    return files;
  }

  #obtain({ plan, source }: Job, signal: AbortSignal): Promise<Holding> {
    this.#progress(`Fetching ${plan.shown}`);
    return this.#downloads.obtain(plan, source, signal, this.#progress);
  }

  async #layOut({ uri, plan }: Job, index: number, holding: Holding, layout: Layout): Promise<FetchedFile> {
    const { archive } = plan;
    const { staging } = layout;
    const name = plan.name.split('/');
    // Of a cached archive only what it held is in the sandbox, as in Mesos.
    const shown = !(plan.cache && archive !== undefined);
    // The archive has its name before what it holds does, which may replace it.
    const step = shown ? await staging.reserve(name) : 0;
    if (archive !== undefined) await this.#extract(archive, holding, layout);
    if (shown && staging.isReserved(name, step)) await this.#place(plan, holding, staging, index);
    const { bytes, sha256 } = await holding.whole();
    return {
      uri: uri.value,
      ...(shown ? { path: `${this.#target.sandbox.replace(/\/+$/, '')}/${plan.name}` } : {}),
      bytes,
      ...(sha256 === undefined ? {} : { sha256 }),
      extracted: archive !== undefined,
    };
  }

  async #place(plan: FetchPlan, holding: Holding, staging: Staging, index: number): Promise<void> {
    await holding.place(staging.downloadPath(index));
    const { mode = 0o644 } = await holding.whole();
    staging.beginStep();
    // Mesos copies local files under the usual umask: the bits of the original, but for the others' right to write.
    await staging.place(staging.downloadPath(index), plan.name.split('/'), plan.executable ? 0o755 : mode & 0o755);
  }

  async #extract(archive: ArchiveFormat & { name: string }, holding: Holding, layout: Layout): Promise<void> {
    if (layout.pace === 'whole' || !canFollow(archive)) await holding.whole();
    this.#progress(`Extracting ${archive.name}`);
    const file = holding.follow();
    try {
      await extract(file, archive, layout);
    } catch (error) {
      if (error instanceof ArchiveProblem) {
        // A download that fails, or began again, says more than what the beginning of its file looked like.
        await holding.whole();
        file.check();
      }
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Runs a step and says of its failure what a person needs: which URI, what happened, what to do. */
  async #explained<T>(job: Job | undefined, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (signal.aborted || error instanceof MesitaError || error instanceof BegunAgain) throw error;
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
