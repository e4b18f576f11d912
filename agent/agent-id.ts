import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, MesitaError } from '../protocol/errors.ts';

/** The id that the master gave this agent, kept in the work directory so that it stays the same agent after a restart. */
export class AgentIdFile {
  readonly #directory: string;

  constructor(workDirectory: string) {
    this.#directory = join(workDirectory, 'meta');
  }

  /** Throws MESITA_WORK_DIR_UNUSABLE when the work directory cannot be made or written to. */
  async read(): Promise<string | undefined> {
    try {
      await mkdir(this.#directory, { recursive: true });
      return (await readFile(join(this.#directory, 'agent_id'), 'utf8')).trim() || undefined;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const message = `The work directory ${join(this.#directory, '..')} cannot be used: ${describeError(cause)}`;
      throw new MesitaError('MESITA_WORK_DIR_UNUSABLE', { message, cause });
    }
  }

  async write(id: string): Promise<void> {
    const path = join(this.#directory, 'agent_id');
    await writeFile(`${path}.new`, `${id}\n`);
    await rename(`${path}.new`, path);
  }
}
