import { Writable } from 'node:stream';

const newline = 0x0a;

/** Writes each line with a name before it, whole lines at a time, so that those of several writers do not mix. `end` writes the last one. */
export class NamedLines extends Writable {
  readonly #name: Buffer;
  readonly #target: NodeJS.WritableStream;
  #rest: Buffer = Buffer.alloc(0);

  constructor(name: string, target: NodeJS.WritableStream) {
    super();
    this.#name = Buffer.from(`${name} | `);
    this.#target = target;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const text = Buffer.concat([this.#rest, chunk]);
    const end = text.lastIndexOf(newline) + 1;
    this.#rest = text.subarray(end);
    this.#put(text.subarray(0, end));
    done();
  }

  override _final(done: () => void): void {
    if (this.#rest.length > 0) this.#put(Buffer.concat([this.#rest, Buffer.of(newline)]));
    done();
  }

  #put(lines: Buffer): void {
    const named: Buffer[] = [];
    for (let from = 0; from < lines.length; ) {
      const to = lines.indexOf(newline, from) + 1;
      named.push(this.#name, lines.subarray(from, to));
      from = to;
    }
    if (named.length > 0) this.#target.write(Buffer.concat(named));
  }
}
