import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A port in front of another one, whose connections a test cuts, or lets hang as a broken network does. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #address = '';
  #mode: 'open' | 'cut' | 'held' = 'open';
  #countdown: { left: number; action: () => void } | undefined;

  private constructor(target: string) {
    const [host = '', port = ''] = target.split(':');
    this.#server = createServer((near) => this.#join(near, host, Number(port)));
  }

  /** `target`: host:port */
  static async open(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    const address = proxy.#server.address();
    proxy.#address = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    return proxy;
  }

  /** host:port */
  get address(): string {
    return this.#address;
  }

  /** Both sides see their connections end, and new ones do not last. */
  cut(): void {
    this.#mode = 'cut';
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nobody sees anything: what is sent does not arrive, and the end of a connection is not told either. */
  hold(): void {
    this.#mode = 'held';
    for (const socket of this.#sockets) socket.pause();
  }

  restore(): void {
    this.#mode = 'open';
    for (const socket of this.#sockets) socket.resume();
  }

  /** Does something once, when clients have sent so many bytes from now on. */
  after(bytes: number, action: () => void): void {
    this.#countdown = { left: bytes, action };
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, host: string, port: number): void {
    if (this.#mode === 'cut') {
      near.destroy();
      return;
    }
    const far = connect({ host, port });
    for (const [socket, peer] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('data', (chunk) => {
        if (this.#mode === 'open') peer.write(chunk);
        if (socket === near) this.#count(chunk.length);
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        peer.destroy();
      });
      if (this.#mode === 'held') socket.pause();
    }
  }

  #count(bytes: number): void {
    const countdown = this.#countdown;
    if (countdown === undefined) return;
    countdown.left -= bytes;
    if (countdown.left > 0) return;
    this.#countdown = undefined;
    countdown.action();
  }
}
