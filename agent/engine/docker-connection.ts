import { once } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect, type NetConnectOpts } from 'node:net';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { MesitaError } from '../../protocol/errors.ts';
import { engineError } from './docker-errors.ts';

/** Where an engine listens: a Unix socket's path, or a URL such as `tcp://10.0.0.2:2375`. */
export type DockerAddress = { socketPath: string } | { host: string };

/** The newest version of the engine's API whose answers the adapter was written for. */
const newestKnown = '1.51';

interface EngineVersions {
  Version?: string;
  ApiVersion?: string;
  MinAPIVersion?: string;
}

/** The dockerode client of one engine, over connections that are kept open between calls. */
export class DockerConnection {
  readonly docker: Docker;
  /** For messages: the socket's path or the URL. */
  readonly address: string;
  private readonly place: NetConnectOpts;
  private readonly agent: HttpAgent;

  constructor(address: DockerAddress) {
    const place = resolveAddress(address);
    this.address = place.text;
    const { socketPath, host, port } = place.options;
    this.place = socketPath === undefined ? { host: host ?? '', port: Number(port) } : { path: socketPath };
    const options = { keepAlive: true, keepAliveMsecs: 30_000, scheduling: 'lifo' as const };
    this.agent = place.options.protocol === 'https' ? new HttpsAgent(options) : new HttpAgent(options);
    // docker-modem renders all of a request's options, sockets included, for a debug line at each call, whether or not anyone
    // reads that line. Rendering the agent as one word takes the milliseconds out of it.
    Object.defineProperty(this.agent, inspect.custom, { value: () => 'Agent' });
    this.docker = new Docker({ ...place.options, agent: this.agent } as Docker.DockerOptions);
  }

  /** Asks for the engine's versions and pins the one that both sides know. Throws MESITA_ENGINE_UNREACHABLE. */
  async negotiate(signal: AbortSignal): Promise<{ version: string; apiVersion: string }> {
    const modem = this.docker.modem as { version?: string | undefined };
    modem.version = undefined;
    try {
      const { Version, ApiVersion, MinAPIVersion }: EngineVersions = await abortable(this.docker.version(), signal);
      const apiVersion = pickApiVersion(ApiVersion, MinAPIVersion);
      if (apiVersion === undefined) {
        throw new MesitaError('MESITA_ENGINE_UNREACHABLE', {
          message: `What answers at ${this.address} is not a Docker engine: it does not tell its API version`,
        });
      }
      modem.version = `v${apiVersion}`;
      return { version: Version ?? 'unknown', apiVersion };
    } catch (error) {
      signal.throwIfAborted();
      throw engineError(error, 'connect to the engine', this.address);
    }
  }

  /** Whether it takes no new connection. */
  async isClosed(): Promise<boolean> {
    const socket = connect(this.place);
    try {
      await once(socket, 'connect');
      return false;
    } catch {
      return true;
    } finally {
      socket.destroy();
    }
  }

  close(): void {
    this.agent.destroy();
  }
}

/** For the calls to which dockerode takes no signal: gives up waiting, not the call. */
export async function abortable<Result>(call: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([call, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The engine's newest version or ours, whichever is older, but never one that the engine refuses. */
export function pickApiVersion(newest: string | undefined, oldest: string | undefined): string | undefined {
  if (newest === undefined || !/^\d+\.\d+$/.test(newest)) return undefined;
  const common = compareVersions(newest, newestKnown) < 0 ? newest : newestKnown;
  return oldest !== undefined && compareVersions(common, oldest) < 0 ? oldest : common;
}

function compareVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}

interface Place {
  host: string | undefined;
  port?: string | number;
  protocol: 'http' | 'https';
  socketPath: string | undefined;
}

function resolveAddress(address: DockerAddress): { text: string; options: Place } {
  const path = 'socketPath' in address ? address.socketPath : /^unix:\/\/(.+)$/.exec(address.host)?.[1];
  // Each field is named, because docker-modem would take those that are missing from the environment's DOCKER_HOST.
  if (path !== undefined) return { text: path, options: { socketPath: path, host: undefined, protocol: 'http' } };
  const { host } = address as { host: string };
  if (!URL.canParse(host.replace(/^tcp:/, 'http:'))) {
    throw new MesitaError('MESITA_FLAG_INVALID', {
      message: `"${host}" is not the address of an engine; write unix:///path/of/socket or tcp://host:port`,
    });
  }
  const url = new URL(host.replace(/^tcp:/, 'http:'));
  const secure = url.protocol === 'https:' || url.port === '2376';
  return {
    text: host,
    options: {
      host: url.hostname,
      port: url.port || (secure ? 2376 : 2375),
      protocol: secure ? 'https' : 'http',
      socketPath: undefined,
    },
  };
}
