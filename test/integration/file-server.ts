import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers by path; counts what it was asked, and how many downloads it saw at once. */
export class FileServer {
  readonly requests: IncomingMessage[] = [];
  readonly answers = new Map<string, Answer>();
  readonly #server: Server;
  mostAtOnce = 0;
  #atOnce = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      this.#atOnce += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
      response.on('close', () => {
        this.#atOnce -= 1;
      });
      const answer = this.answers.get(new URL(request.url ?? '/', 'http://x').pathname);
      if (answer !== undefined) answer(request, response);
      else response.writeHead(404).end('not here');
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  url(path: string): string {
    return `http://${this.host}${path}`;
  }

  /** `METHOD /path` of each request so far. */
  get asked(): string[] {
    return this.requests.map(({ method, url }) => `${method} ${url}`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
