import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { type LogLimits, RotatingFile } from './rotating-file.ts';

const usualLimits: LogLimits = { maxSize: 100 * 1024 * 1024, files: 5 };
// Bytes that may wait for a disk that does not take them. What comes then is on stderr alone.
const longestWait = 4 * 1024 * 1024;

/** The copy of a daemon's log on the disk. A disk that is full costs the lines that come meanwhile, never the daemon. */
export class LogFile {
  readonly #path: string;
  readonly #limits: LogLimits;
  #file: RotatingFile;

  private constructor(path: string, limits: LogLimits) {
    this.#path = path;
    this.#limits = limits;
    this.#file = this.#begin();
  }

  /** Goes on where an earlier run stopped. Throws MESITA_LOG_DIR_UNUSABLE. */
  static async open(path: string, limits: LogLimits = usualLimits): Promise<LogFile> {
    try {
      await mkdir(dirname(path), { recursive: true });
      const file = new LogFile(path, limits);
      await file.#opened();
      return file;
    } catch (cause) {
      const message = `The log ${path} cannot be written: ${describeError(cause)}`;
      throw new MesitaError('MESITA_LOG_DIR_UNUSABLE', { message, cause });
    }
  }

  write(line: string): void {
    if (this.#file.destroyed) this.#file = this.#begin();
    if (this.#file.writableLength < longestWait) this.#file.write(line);
  }

  /** Resolves when all is written that can be. */
  close(): Promise<void> {
    return new Promise((closed) => {
      this.#file.once('close', closed);
      if (this.#file.destroyed) closed();
      else this.#file.end();
    });
  }

  #begin(): RotatingFile {
    const file = new RotatingFile(this.#path, this.#limits);
    // The next line tries anew.
    file.on('error', () => undefined);
    return file;
  }

  /** An empty write is over when the file is open. */
  #opened(): Promise<void> {
    return new Promise((opened, failed) => {
      this.#file.write('', (error) => (error ? failed(error) : opened()));
    });
  }
}
