import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Agent as Connections } from 'undici';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { createFetcher, type Fetcher } from '../runtime/fetcher/fetcher.ts';
import { noCredentials, parseUriCredentials, type UriCredentials } from '../runtime/fetcher/uri-credentials.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { createArtifactSource } from './artifact-source.ts';
import type { AgentFlags } from './flags.ts';

const megabyte = 1024 * 1024;
const mostArchiveEntries = 1_000_000;
const resumePauseSeconds = 0.5;

/**
 * The agent's fetcher, as its flags have it. `master`: host:port of the one that leads now. Throws MESITA_FLAG_INVALID for credentials that
 * cannot be read.
 */
export async function setUpFetcher(
  flags: AgentFlags,
  workDirectory: string,
  shutdown: Shutdown,
  master: () => string = () => flags.master,
): Promise<Fetcher> {
  const credentials = await readCredentials(flags.fetcher_credentials);
  const connections = new Connections();
  const fetcher = createFetcher({
    directory: downloadDirectory(flags.fetcher_cache_dir, workDirectory),
    cacheBytes: flags.fetcher_cache_size,
    stallTimeoutSeconds: flags.fetcher_stall_timeout,
    resumePauseSeconds,
    maxBytes: flags.fetcher_max_size * megabyte,
    maxEntries: mostArchiveEntries,
    maxExtractedBytes: flags.fetcher_max_size * megabyte,
    sources: { mesita: createArtifactSource(master, connections) },
    credentials,
    ...(flags.hadoop_client === undefined ? {} : { hadoopClient: flags.hadoop_client }),
  });
  shutdown.register('fetcher', async () => {
    await fetcher.close();
    await connections.destroy();
  });
  return fetcher;
}

/** It is emptied at the start: so in a directory that others may use, too, it is one that no other agent has. */
function downloadDirectory(given: string | undefined, workDirectory: string): string {
  if (given === undefined) return join(workDirectory, 'fetch');
  const agent = createHash('sha256').update(workDirectory).digest('hex').slice(0, 12);
  return join(resolve(given), `mesita-${agent}`);
}

async function readCredentials(path: string | undefined): Promise<UriCredentials> {
  if (path === undefined) return noCredentials;
  const invalid = (why: string) =>
    new MesitaError('MESITA_FLAG_INVALID', { message: `--fetcher_credentials=${path}: ${why}` });
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw invalid(describeError(error));
  });
  const parsed = parseUriCredentials(text);
  if ('error' in parsed) throw invalid(parsed.error);
  return parsed.value;
}
