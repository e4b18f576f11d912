import { encodeJson } from './json-codec.ts';
import type { Messages } from './messages.ts';

/** JSON text that goes into a document as it is. */
class Fragment {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A number that Mesos keeps as a double: 2 is written `2.0`, which strict readers take for a float and nothing else. */
export function double(value: number): unknown {
  return Number.isSafeInteger(value) ? new Fragment(`${value}.0`) : value;
}

/** A message as the v1 API writes it. */
export function embed<Name extends keyof Messages>(name: Name, message: Messages[Name]): unknown {
  return new Fragment(encodeJson(name, message));
}

/** JSON.stringify for documents that contain doubles and messages. Members that are undefined are left out; what is not finite is a string. */
export function writeV0(value: unknown): string {
  if (value instanceof Fragment) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeV0).join(',')}]`;
  if (typeof value === 'object' && value !== null) return writeObject(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  return JSON.stringify(value);
}

function writeObject(value: object): string {
  let text = '';
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${writeV0(member)}`;
  }
  return `{${text}}`;
}
