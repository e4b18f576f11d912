import type { EnumType, Field, FieldType, MessageType, ScalarType, Schema } from '../schema.ts';

const header = `// Made from protocol/mesos-v1-fields.tsv by \`npm run generate\`. Change the table, not this file.
//
// The one in-memory shape of the API: plain objects under the proto's own names.
// - bytes are base64 strings;
// - a 64-bit integer is typed \`number\`. Decoders yield a \`bigint\` in its place when it is not a safe integer, and
//   encoders take both, so that it survives the way through; code that computes with such a field narrows it first;
// - doubles are numbers; unset fields are absent (or undefined), and defaults are not filled in.
`;

const scalars: Record<ScalarType, string> = {
  string: 'string',
  bytes: 'string',
  bool: 'boolean',
  double: 'number',
  int32: 'number',
  int64: 'number',
  uint32: 'number',
  uint64: 'number',
};

function typeText(type: FieldType): string {
  return type.kind === 'scalar' ? scalars[type.scalar] : type.name;
}

function fieldText(field: Field): string {
  const type = typeText(field.type);
  const notes = [
    field.type.kind === 'scalar' && field.type.scalar === 'bytes' ? 'Base64.' : '',
    field.default === undefined ? '' : `Default: \`${field.default}\`.`,
    field.deprecated ? '@deprecated' : '',
  ].filter(Boolean);
  const comment = notes.length === 0 ? '' : `  /** ${notes.join(' ')} */\n`;
  switch (field.rule) {
    case 'required':
      return `${comment}  ${field.name}: ${type};\n`;
    case 'optional':
      return `${comment}  ${field.name}?: ${type} | undefined;\n`;
    case 'repeated':
      return `${comment}  ${field.name}?: ${type}[] | undefined;\n`;
    case 'map':
      return `${comment}  ${field.name}?: Record<string, ${type}> | undefined;\n`;
  }
}

function messageText(message: MessageType): string {
  const comment = `/** \`${message.fullName}\` */\n`;
  if (message.fields.length === 0) return `${comment}export type ${message.name} = Record<string, never>;\n`;
  return `${comment}export interface ${message.name} {\n${message.fields.map(fieldText).join('')}}\n`;
}

function enumText(type: EnumType): string {
  const values = [...type.values.keys()].map((value) => `\n  | '${value}'`).join('');
  return `/** \`${type.fullName}\` */\nexport type ${type.name} =${values};\n`;
}

/** The text of protocol/messages.ts. */
export function typeScriptOf(schema: Schema): string {
  const names = [...schema.messages.keys()].map((name) => `  ${name}: ${name};\n`).join('');
  return [
    header,
    ...[...schema.messages.values()].map(messageText),
    ...[...schema.enums.values()].map(enumText),
    `/** Every message by its name, for whatever is generic over them. */\nexport interface Messages {\n${names}}\n`,
  ].join('\n');
}
