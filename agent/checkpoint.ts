import { readFileSync } from 'node:fs';
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

/** Throws MESITA_CHECKPOINT_INVALID, with the name of where it was read: to go on without would be to forget volumes. */
export function readCheckpoint(text: string, from: string): Checkpointed {
  const invalid = (reason: string) =>
    new MesitaError('MESITA_CHECKPOINT_INVALID', { message: `${from} cannot be read: ${reason}` });
  const decoded = <Type extends 'Resource' | 'Operation'>(type: Type, value: unknown) => {
    const result = decodeJson(type, value);
    if (!result.ok) throw invalid(result.error);
    return result.value;
  };
  try {
    const content = JSON.parse(text) as Partial<Record<keyof Checkpointed, unknown[]>>;
    return {
      resources: normalize((content.resources ?? []).map((one) => decoded('Resource', one))),
      operations: (content.operations ?? []).map((one) => decoded('Operation', one)),
    };
  } catch (cause) {
    throw cause instanceof MesitaError ? cause : invalid(describeError(cause));
  }
}

/** What versions before the database have left in `<work_dir>/meta/resources.json`. Throws MESITA_CHECKPOINT_INVALID. */
export function readOldCheckpoint(directory: string): Checkpointed {
  const path = join(directory, 'resources.json');
  try {
    return readCheckpoint(readFileSync(path, 'utf8'), path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { resources: [], operations: [] };
    if (cause instanceof MesitaError) throw cause;
    const message = `${path} cannot be read: ${describeError(cause)}`;
    throw new MesitaError('MESITA_CHECKPOINT_INVALID', { message, cause });
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
