import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { decodeJson } from '../protocol/json-codec.ts';
import type { Operation, Resource } from '../protocol/messages.ts';
import { popReservation, withoutVolume } from '../protocol/resource-operations.ts';
import { formatResources } from '../protocol/resource-text.ts';
import { add, contains, isPersistentVolume, normalize, subtract } from '../protocol/resources.ts';

/** What of an agent's resources and operations must survive it. */
export interface Checkpointed {
  /** Those that operations made: dynamically reserved ones and persistent volumes. Normal form. */
  resources: Resource[];
  /** Those whose outcome is not acknowledged. */
  operations: Operation[];
}

/** The agent's memory of operations, `<work_dir>/meta/resources.json`. A crash leaves the old content or the new one, never half of it. */
export class CheckpointFile {
  readonly #path: string;

  constructor(workDirectory: string) {
    this.#path = join(workDirectory, 'meta', 'resources.json');
  }

  /** Throws MESITA_CHECKPOINT_INVALID: to go on without would be to forget volumes. */
  async read(): Promise<Checkpointed> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { resources: [], operations: [] };
      throw this.#invalid(describeError(cause));
    }
    try {
      const content = JSON.parse(text) as Partial<Record<keyof Checkpointed, unknown[]>>;
      return {
        resources: normalize((content.resources ?? []).map((one) => this.#decoded('Resource', one))),
        operations: (content.operations ?? []).map((one) => this.#decoded('Operation', one)),
      };
    } catch (cause) {
      throw cause instanceof MesitaError ? cause : this.#invalid(describeError(cause));
    }
  }

  /** Resolves when the content is on the disk. */
  async write(content: Checkpointed): Promise<void> {
    const fresh = `${this.#path}.new`;
    const file = await open(fresh, 'w');
    try {
      await file.writeFile(JSON.stringify(content));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, this.#path);
  }

  #decoded<Type extends 'Resource' | 'Operation'>(type: Type, value: unknown) {
    const result = decodeJson(type, value);
    if (!result.ok) throw this.#invalid(result.error);
    return result.value;
  }

  #invalid(reason: string): MesitaError {
    return new MesitaError('MESITA_CHECKPOINT_INVALID', { message: `${this.#path} cannot be read: ${reason}` });
  }
}

/** The part of an agent's total that operations made. */
export function checkpointedPart(total: readonly Resource[]): Resource[] {
  return total.filter((resource) => isPersistentVolume(resource) || isDynamic(resource));
}

/**
 * What the agent has at its start, with what operations made of it in earlier runs.
 * Throws MESITA_CHECKPOINT_INCOMPATIBLE when that does not fit into what it has now.
 */
export function withCheckpointed(total: readonly Resource[], made: readonly Resource[]): Resource[] {
  const base = add([], made.map(original));
  if (contains(total, base)) return add(subtract(total, base), made);
  const message = `The resources ${formatResources(total)} do not hold ${formatResources(base)}, of which earlier runs made ${formatResources(made)}`;
  throw new MesitaError('MESITA_CHECKPOINT_INCOMPATIBLE', { message });
}

function isDynamic({ reservations = [] }: Resource): boolean {
  return reservations.at(-1)?.type === 'DYNAMIC';
}

function original(resource: Resource): Resource {
  let base = isPersistentVolume(resource) ? withoutVolume(resource) : resource;
  while (isDynamic(base)) base = popReservation(base);
  return base;
}
