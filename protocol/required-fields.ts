import { type Field, type MessageType, type Schema, schema } from './schema.ts';

type Message = Record<string, unknown>;

function* children(field: Field, value: unknown): Generator<[path: string, child: Message]> {
  if (field.rule === 'repeated') {
    for (const [index, child] of (value as Message[]).entries()) yield [`${field.name}[${index}]`, child];
  } else if (field.rule === 'map') {
    for (const [key, child] of Object.entries(value as Record<string, Message>)) yield [`${field.name}[${key}]`, child];
  } else {
    yield [field.name, value as Message];
  }
}

/** A body of a million faulty elements is not answered by a million paths. */
const mostPaths = 100;

function collect(types: Schema, type: MessageType, value: Message, prefix: string, paths: string[]): void {
  if (paths.length >= mostPaths) return;
  for (const field of type.fields) {
    if (field.rule === 'required' && value[field.name] === undefined) paths.push(prefix + field.name);
  }
  for (const field of type.fields) {
    const child = value[field.name];
    const childType = field.type.kind === 'message' ? types.messages.get(field.type.name) : undefined;
    if (child === undefined || childType === undefined) continue;
    for (const [path, message] of children(field, child))
      collect(types, childType, message, `${prefix}${path}.`, paths);
  }
}

/**
 * The paths of the required fields (of the first hundred) that a message of the named type lacks, `subscribe.framework_info.labels.labels[0].key`.
 * Slow, and only meant for saying what is wrong once something is.
 */
export function missingFields(type: string, value: unknown): string[] {
  const message = schema.messages.get(type);
  const paths: string[] = [];
  if (message !== undefined) collect(schema, message, value as Message, '', paths);
  return paths;
}

/** `Missing required fields: a, b.c`, as Mesos says it. */
export function describeMissing(type: string, value: unknown): string {
  return `Missing required fields: ${missingFields(type, value).join(', ')}`;
}
