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
  // From 1e21 on, the shortest form has an exponent, and so is a float already.
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? new Fragment(`${value}.0`) : value;
}

/** A message as the v1 API writes it. */
export function embed<Name extends keyof Messages>(name: Name, message: Messages[Name]): unknown {
  return new Fragment(encodeJson(name, message));
}

/** JSON.stringify for documents that contain doubles and messages. Members that are undefined are left out; what is not finite is a string. */
export function writeV0(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (value instanceof Fragment) return value.text;
  if (Array.isArray(value)) return writeList(value);
  if (typeof value === 'object' && value !== null) return writeObject(value as Record<string, unknown>);
  return String(value);
}

const needsEscape = /[^ !#-[\]-~]/;

function quote(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function writeList(values: readonly unknown[]): string {
  let text = '[';
  for (let index = 0; index < values.length; index++) text += (index === 0 ? '' : ',') + writeV0(values[index]);
  return `${text}]`;
}

/** Tens of thousands of tasks are written at a go, while nothing else happens: no lists of entries in between. */
function writeObject(value: Record<string, unknown>): string {
  let text = '{';
  for (const name in value) {
    const member = value[name];
    if (member === undefined) continue;
    text += `${text === '{' ? '' : ','}${quote(name)}:${writeV0(member)}`;
  }
  return `${text}}`;
}
