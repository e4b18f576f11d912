import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

interface Way {
  readonly from: Socket;
  readonly to: Socket;
  /** From the client to the target. */
  readonly up: boolean;
  /** What has been swallowed, or waits. */
  held: Buffer[];
}

/**
 * A network between a client and a server on which things go wrong: it swallows what is sent, one way or both, without that either end is
 * told (no FIN, no RST); it is slow; it cuts; it delivers a connection that the client has given up after a later one.
 */
export class BlackHole {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #ways = new Set<Way>();
  #swallow = { up: false, down: false };
  #refuse = false;
  #delayMs = 0;
  #held: (() => void)[] | undefined;
  /** Clients whose connections are held. */
  readonly #waiting = new Set<Socket>();

  private constructor(target: string) {
    const [host = '', port] = target.split(':');
    this.#target = { host, port: Number(port) };
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
  }

  static async open(target: string): Promise<BlackHole> {
    const hole = new BlackHole(target);
    hole.#server.listen(0, '127.0.0.1');
    await once(hole.#server, 'listening');
    return hole;
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  /** Nothing that is sent arrives any more in those directions, on connections that are open; new ones, which would need both, are not made. */
  swallow(directions: { up?: boolean; down?: boolean }): void {
    this.#swallow = { up: directions.up ?? false, down: directions.down ?? false };
  }

  /** Things are as they should be for new connections; those that lost something stay dead. */
  heal(): void {
    this.#swallow = { up: false, down: false };
    this.#refuse = false;
    this.#delayMs = 0;
  }

  /** Each piece takes so long; the order stays. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** All connections break, and no new one is taken until `heal`. */
  cut(): void {
    this.#refuse = true;
    this.reset();
  }

  /** All connections break; new ones are fine. */
  reset(): void {
    for (const { from } of this.#ways) from.destroy();
    for (const near of this.#waiting) near.destroy();
  }

  /** New connections are accepted, but what they send waits: what delivers it, in spite of the client having hung up meanwhile. */
  hold(): () => void {
    const held: (() => void)[] = [];
    this.#held = held;
    return () => {
      this.#held = undefined;
      for (const join of held) join();
    };
  }

  /** Connections after `hold` that are not held, though earlier ones still are. */
  letPass(): void {
    this.#held = undefined;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    near.on('error', () => undefined);
    if (this.#refuse || this.#swallow.up || this.#swallow.down) {
      near.destroy();
      return;
    }
    const held = this.#held;
    if (held === undefined) {
      this.#connect(near, []);
      return;
    }
    const early: Buffer[] = [];
    this.#waiting.add(near);
    near.on('data', (data: Buffer) => early.push(data));
    near.on('end', () => near.destroy());
    held.push(() => {
      this.#waiting.delete(near);
      near.removeAllListeners('data');
      this.#connect(near, early);
    });
  }

  #connect(near: Socket, early: Buffer[]): void {
    const far = connect({ ...this.#target, allowHalfOpen: true });
    far.on('error', () => near.destroy());
    for (const data of early) far.write(data);
    if (near.destroyed) {
      far.resume().end();
      return;
    }
    this.#carry({ from: near, to: far, up: true, held: [] });
    this.#carry({ from: far, to: near, up: false, held: [] });
  }

  #carry(way: Way): void {
    const { from, to, up } = way;
    this.#ways.add(way);
    let dead = false;
    let last: Promise<void> = Promise.resolve();
    const lost = () => {
      dead ||= up ? this.#swallow.up : this.#swallow.down;
      return dead;
    };
    const later = (action: () => void) => {
      const delay = this.#delayMs;
      last = last.then(async () => {
        if (delay > 0) await pause(delay);
        if (!lost() && !to.destroyed) action();
      });
    };
    from.on('data', (data: Buffer) => later(() => to.write(data)));
    from.on('end', () => later(() => to.end()));
    from.on('close', () => {
      this.#ways.delete(way);
      // A black hole does not even pass the end on.
      later(() => to.destroy());
      if (this.#refuse) to.destroy();
    });
  }
}
