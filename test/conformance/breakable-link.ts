import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { hostOf, portOf } from './http-answer.ts';

/** The network between an agent and its master, which can be cut. */
export class BreakableLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #broken = false;

  private constructor(master: string) {
    this.#server = createServer((near) => this.#join(near, master));
  }

  static async open(master: string): Promise<BreakableLink> {
    const link = new BreakableLink(master);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  cut(): void {
    this.#broken = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#broken = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, master: string): void {
    if (this.#broken) {
      near.destroy();
      return;
    }
    const far = connect({ host: hostOf(master), port: portOf(master) });
    this.#keep(near, far);
    this.#keep(far, near);
    near.pipe(far);
    far.pipe(near);
  }

  #keep(socket: Socket, peer: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => peer.destroy());
    socket.once('close', () => {
      this.#sockets.delete(socket);
      peer.destroy();
    });
  }
}
