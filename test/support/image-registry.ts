import { execFile } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { docker } from './docker.ts';
import { ensureTestImage, testImage } from './test-image.ts';

const run = promisify(execFile);

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';

export interface RegistryOptions {
  /** Who may pull, by password; without it everybody. */
  password?: { username: string; password: string };
  /** Who may pull, by an identity token that the registry's own authorization service takes. */
  identityToken?: string;
  /** Milliseconds between two pieces of a layer, of which there are ten. */
  delay?: number;
}

/**
 * An image registry (API v2) on loopback, where engines take plain HTTP. Its images are the test image and one more layer, which no
 * other image has. `close` removes from the engine what was pulled.
 */
export class ImageRegistry {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** `METHOD path` of each request that was let in. */
  readonly hits: string[] = [];
  /** Requests that were sent away for want of a login. */
  refused = 0;
  readonly #options: RegistryOptions;
  readonly #server: Server;
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifests = new Map<string, Buffer>();
  readonly #access = randomUUID();

  private constructor(server: Server, options: RegistryOptions) {
    this.#server = server;
    this.#options = options;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async open(options: RegistryOptions = {}): Promise<ImageRegistry> {
    await ensureTestImage();
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ImageRegistry(server, options);
  }

  /** How often the manifest of that image was handed out. */
  served(name: string): number {
    return this.hits.filter((hit) => hit.startsWith(`GET /v2/${name}/manifests/`)).length;
  }

  /** Puts an image into the registry whose file `/mark` says `mark`; resolves with its full name. */
  async add(name: string, mark: string, bytes = 1000): Promise<string> {
    const [repository = '', tag = 'latest'] = name.split(':');
    const base = await baseLayers();
    const layer = await layerOf({ mark: Buffer.from(mark), ballast: randomBytes(bytes) });
    const layers = [...base.layers, layer];
    const diff_ids = layers.map(digestOf);
    const config = Buffer.from(JSON.stringify({ ...base.config, history: [], rootfs: { type: 'layers', diff_ids } }));
    const packed = layers.map((each) => gzipSync(each));
    const manifest = {
      schemaVersion: 2,
      mediaType: manifestType,
      config: this.#keep('application/vnd.docker.container.image.v1+json', config),
      layers: packed.map((each) => this.#keep('application/vnd.docker.image.rootfs.diff.tar.gzip', each)),
    };
    const text = Buffer.from(JSON.stringify(manifest));
    this.#manifests.set(`${repository}/${tag}`, text);
    this.#manifests.set(`${repository}/${digestOf(text)}`, text);
    return `${this.address}/${name}`;
  }

  /** Removes what the engine has of this registry, too. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    const listed = await docker('images', '--format', '{{.ID}} {{.Repository}}');
    const own = listed.split('\n').flatMap((line) => (line.includes(` ${this.address}/`) ? line.split(' ', 1) : []));
    if (own.length > 0) await docker('rmi', '--force', ...new Set(own));
  }

  #keep(mediaType: string, content: Buffer) {
    const digest = digestOf(content);
    this.#blobs.set(digest, content);
    return { mediaType, size: content.length, digest };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '';
    if (url.startsWith('/token')) return this.#grant(request, response);
    if (!this.#mayPass(request.headers.authorization ?? '')) {
      this.refused++;
      const ways = this.#options.password
        ? 'Basic realm="test"'
        : `Bearer realm="http://${this.address}/token",service="test"`;
      response.writeHead(401, { 'www-authenticate': ways }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      return;
    }
    this.hits.push(`${request.method} ${url}`);
    if (url === '/v2/') return void response.end('{}');
    const [, repository = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url) ?? [];
    const body = kind === 'blobs' ? this.#blobs.get(reference) : this.#manifests.get(`${repository}/${reference}`);
    if (body === undefined) {
      response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
      return;
    }
    const type = kind === 'blobs' ? 'application/octet-stream' : manifestType;
    response.writeHead(200, {
      'content-type': type,
      'content-length': body.length,
      'docker-content-digest': digestOf(body),
    });
    if (request.method === 'HEAD' || kind === 'manifests')
      return void response.end(request.method === 'HEAD' ? '' : body);
    await this.#send(response, body);
  }

  async #send(response: ServerResponse, body: Buffer): Promise<void> {
    const piece = Math.ceil(body.length / 10);
    for (let at = 0; at < body.length && !response.destroyed; at += piece) {
      response.write(body.subarray(at, at + piece));
      if (this.#options.delay !== undefined) await pause(this.#options.delay);
    }
    response.end();
  }

  async #grant(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let form = '';
    for await (const chunk of request) form += chunk;
    const given = new URLSearchParams(form).get('refresh_token');
    if (given === null || given !== this.#options.identityToken) return void response.writeHead(401).end('{}');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ access_token: this.#access, token: this.#access, expires_in: 60 }));
  }

  #mayPass(authorization: string): boolean {
    const { password, identityToken } = this.#options;
    if (password !== undefined) {
      const expected = Buffer.from(`${password.username}:${password.password}`).toString('base64');
      return authorization === `Basic ${expected}`;
    }
    return identityToken === undefined || authorization === `Bearer ${this.#access}`;
  }
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** The test image as the engine saves it. */
async function baseLayers(): Promise<{ config: Record<string, unknown>; layers: Buffer[] }> {
  return inDirectory(async (directory) => {
    const archive = join(directory, 'image.tar');
    await docker('save', '--output', archive, testImage);
    await run('tar', ['-C', directory, '-xf', archive]);
    const [saved] = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
    const config = JSON.parse(await readFile(join(directory, saved.Config), 'utf8'));
    const layers = await Promise.all((saved.Layers as string[]).map((layer) => readFile(join(directory, layer))));
    return { config, layers };
  });
}

async function layerOf(files: Record<string, Buffer>): Promise<Buffer> {
  return inDirectory(async (directory) => {
    const root = join(directory, 'root');
    await mkdir(root);
    for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content);
    await run('tar', ['-C', root, '-cf', join(directory, 'layer.tar'), ...Object.keys(files)]);
    return readFile(join(directory, 'layer.tar'));
  });
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-registry-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
