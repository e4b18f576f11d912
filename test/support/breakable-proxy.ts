import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Unix socket in front of another one, whose connections a test cuts. */
export class BreakableProxy {
  readonly socketPath: string;
  private readonly directory: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private broken = false;
  private forgotten: RegExp | undefined;

  private constructor(directory: string, target: string) {
    this.directory = directory;
    this.socketPath = join(directory, 'engine.sock');
    this.server = createServer({ allowHalfOpen: true }, (near) => this.join(near, target));
  }

  static async open(target: string): Promise<BreakableProxy> {
    const proxy = new BreakableProxy(await mkdtemp(join(tmpdir(), 'mesita-test-proxy-')), target);
    proxy.server.listen(proxy.socketPath);
    await once(proxy.server, 'listening');
    return proxy;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.sockets.size / 2;
  }

  break(): void {
    this.broken = true;
    for (const socket of this.sockets) socket.destroy();
  }

  /** The next request whose first line is like this reaches the other side, and its connection is cut in place of an answer. */
  loseAnswer(request: RegExp): void {
    this.forgotten = request;
  }

  restore(): void {
    this.broken = false;
  }

  async close(): Promise<void> {
    this.break();
    this.server.close();
    await once(this.server, 'close');
    await rm(this.directory, { recursive: true, force: true });
  }

  private join(near: Socket, target: string): void {
    if (this.broken) {
      near.destroy();
      return;
    }
    const far = connect({ path: target, allowHalfOpen: true });
    near.on('data', (chunk: Buffer) => {
      if (this.forgotten?.test(chunk.toString('latin1')) !== true) return;
      this.forgotten = undefined;
      far.unpipe(near);
      far.once('data', () => near.destroy());
      far.resume();
    });
    for (const [socket, peer] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => peer.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        peer.destroy();
      });
      socket.pipe(peer);
    }
  }
}
