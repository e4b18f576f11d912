import type Docker from 'dockerode';
import { MesitaError } from '../../protocol/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { abortable } from './docker-connection.ts';
import { engineError, readFailure } from './docker-errors.ts';
import { type PullLine, PullProgress } from './docker-pull-progress.ts';
import type { EnsureImageOptions, RegistryCredentials } from './engine.ts';

/** Milliseconds between two sentences of progress. */
const progressInterval = 500;

interface Pull {
  done: Promise<void>;
  progress: PullProgress;
  listeners: Set<(sentence: string) => void>;
  /** Callers who wait; when the last of them gives up, so does the pull. */
  waiting: number;
  abort: AbortController;
}

/**
 * Which images are on the machine, and the pulls under way: one for each image, however many ask for it. Who brings other
 * credentials has a pull of their own, so that nobody's wrong password is another's failure.
 */
export class DockerImages {
  private readonly docker: Docker;
  private readonly address: string;
  private readonly clock: Clock;
  private readonly pulls = new Map<string, Pull>();
  /**
   * Seen on the machine by this object, so that a launch does not ask each time; `forget` when it turns out to be gone. With
   * what the registry was told, for the next time.
   */
  private readonly present = new Map<string, RegistryCredentials | undefined>();

  constructor(docker: Docker, address: string, clock: Clock) {
    this.docker = docker;
    this.address = address;
    this.clock = clock;
  }

  has(image: string): boolean {
    return this.present.has(image);
  }

  /** Its credentials are what it may be pulled with again. */
  forget(image: string): { credentials?: RegistryCredentials } {
    const credentials = this.present.get(image);
    this.present.delete(image);
    return credentials === undefined ? {} : { credentials };
  }

  /** The engine's own id of an image; undefined when it is not there. */
  async idOf(image: string): Promise<string | undefined> {
    try {
      return (await this.docker.getImage(image).inspect()).Id;
    } catch (error) {
      if (readFailure(error).status === 404) return undefined;
      throw engineError(error, `look for the image ${image}`, this.address);
    }
  }

  /** False when a container needs it. */
  async remove(image: string): Promise<boolean> {
    this.present.delete(image);
    try {
      await this.docker.getImage(image).remove();
      return true;
    } catch (error) {
      const { status } = readFailure(error);
      if (status === 404) return true;
      if (status === 409) return false;
      throw engineError(error, `remove the image ${image}`, this.address);
    }
  }

  /** Throws MESITA_IMAGE_UNAVAILABLE, MESITA_DISK_FULL or MESITA_ENGINE_UNREACHABLE; the signal's reason when it aborts. */
  async ensure(image: string, options: EnsureImageOptions): Promise<void> {
    options.signal.throwIfAborted();
    const wasThere = await this.isPresent(image);
    if (wasThere && !options.force) return;
    options.signal.throwIfAborted();
    await this.join(image, options);
    if (!wasThere) options.pulled?.();
  }

  /** Ends all pulls. */
  close(): void {
    for (const pull of this.pulls.values()) pull.abort.abort();
  }

  private async isPresent(image: string): Promise<boolean> {
    if (this.present.has(image)) return true;
    try {
      await this.docker.getImage(image).inspect();
      this.present.set(image, undefined);
      return true;
    } catch (error) {
      const { status } = readFailure(error);
      // 400: not a name of an image; the pull that follows says why.
      // Somebody else's pull may have ended since we asked.
      if (status === 404 || status === 400) return this.present.has(image);
      throw engineError(error, `look for the image ${image}`, this.address);
    }
  }

  private async join(image: string, options: EnsureImageOptions): Promise<void> {
    const key = pullKey(image, options.credentials);
    const pull = this.pulls.get(key) ?? this.begin(key, image, options.credentials);
    if (options.progress !== undefined) {
      pull.listeners.add(options.progress);
      options.progress(pull.progress.sentence());
    }
    pull.waiting += 1;
    try {
      await abortable(pull.done, options.signal);
    } finally {
      if (options.progress !== undefined) pull.listeners.delete(options.progress);
      pull.waiting -= 1;
      if (pull.waiting === 0) {
        if (this.pulls.get(key) === pull) this.pulls.delete(key);
        pull.abort.abort();
      }
    }
  }

  private begin(key: string, image: string, credentials: RegistryCredentials | undefined): Pull {
    const listeners = new Set<(sentence: string) => void>();
    const abort = new AbortController();
    const progress = new PullProgress(image);
    const tell = (): void => {
      for (const listener of listeners) listener(progress.sentence());
    };
    const done = this.pull(image, credentials, { progress, tell, signal: abort.signal }).finally(() => {
      if (this.pulls.get(key) === pull) this.pulls.delete(key);
    });
    done.catch(() => {});
    const pull: Pull = { done, progress, listeners, waiting: 0, abort };
    this.pulls.set(key, pull);
    return pull;
  }

  private async pull(
    image: string,
    credentials: RegistryCredentials | undefined,
    { progress, tell, signal }: { progress: PullProgress; tell: () => void; signal: AbortSignal },
  ): Promise<void> {
    try {
      const reference = splitReference(image);
      const stream = await this.docker.createImage({
        ...reference,
        ...(credentials === undefined ? {} : { authconfig: credentials }),
        abortSignal: signal,
      });
      let told = this.clock.now();
      for await (const line of jsonLines(stream)) {
        if (line.error !== undefined) throw new Error(line.errorDetail?.message ?? line.error);
        progress.note(line);
        if (this.clock.now() - told < progressInterval) continue;
        told = this.clock.now();
        tell();
      }
      this.present.set(image, credentials);
    } catch (error) {
      throw this.pullError(image, error);
    }
  }

  private pullError(image: string, error: unknown): MesitaError {
    const { status, words, errno } = readFailure(error);
    if (status === undefined && errno !== undefined) return engineError(error, `pull the image ${image}`, this.address);
    if (/no space left on device/i.test(words)) {
      return engineError({ statusCode: 500, json: { message: words } }, `pull the image ${image}`, this.address);
    }
    return new MesitaError('MESITA_IMAGE_UNAVAILABLE', {
      message: `The image ${image} is not on this machine and cannot be pulled: ${words}`,
      remedy: pullRemedy(image, words),
      cause: error,
    });
  }
}

function pullRemedy(image: string, words: string): string {
  if (/invalid reference format|must be lowercase|parse/i.test(words)) {
    return 'Correct the image’s name: lower case, as in registry.example.com/team/name:tag.';
  }
  if (/manifest .*unknown|manifest for|not found: manifest/i.test(words)) {
    return `Check the tag of ${image}: its registry has none of that name.`;
  }
  if (/denied|unauthorized|authentication required|no basic auth credentials/i.test(words)) {
    return 'Check the image’s name; if it is private, give the agent --docker_config, or the task a .docker/config.json among its URIs.';
  }
  return 'Check that the machine reaches the image’s registry, or bring the image there with `docker load`.';
}

function pullKey(image: string, credentials: RegistryCredentials | undefined): string {
  return credentials === undefined ? image : `${image} ${JSON.stringify(credentials)}`;
}

/** Name and tag (or digest) as the engine's pull wants them; without a tag it would pull every one. */
export function splitReference(image: string): { fromImage: string; tag: string } {
  const [name = image, digest] = image.split('@');
  if (digest !== undefined) return { fromImage: name.replace(/:[^:/]*$/, ''), tag: digest };
  const tag = /:([^:/]*)$/.exec(name)?.[1];
  if (tag === undefined) return { fromImage: name, tag: 'latest' };
  return { fromImage: name.slice(0, name.length - tag.length - 1), tag };
}

async function* jsonLines(stream: NodeJS.ReadableStream): AsyncGenerator<PullLine> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as PullLine;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as PullLine;
}
