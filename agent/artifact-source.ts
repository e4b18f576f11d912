import type { Dispatcher } from 'undici';
import { FetchProblem, type OpenedUri, type UriSource } from '../runtime/fetcher/uri-source.ts';

/** URIs `mesita:///<id>/<name>`: files that a client handed over to the master for its tasks. */
export function createArtifactSource(leader: () => string, connections: Dispatcher): UriSource {
  return {
    async open(location: string, signal: AbortSignal): Promise<OpenedUri> {
      const master = leader();
      const path = `/mesita/v1/artifacts${location.replace(/^mesita:\/\//, '')}`;
      const { statusCode, headers, body } = await connections.request({
        origin: `http://${master}`,
        path,
        method: 'GET',
        signal,
      });
      if (statusCode !== 200) {
        await body.dump();
        throw new FetchProblem(
          `the master at ${master} answers HTTP ${statusCode}`,
          'Artifacts are kept for a day: hand the file over again.',
        );
      }
      const size = headers['content-length'];
      return size === undefined ? { body } : { body, size: Number(size) };
    },
  };
}
