import { Refusal } from './decoded.ts';
import { convert, decoders, isObject } from './json-codec.ts';
import { Leniency } from './json-leniency.ts';
import { JsonPieces, type Piece } from './json-pieces.ts';
import type { Messages } from './messages.ts';
import { type Field, schema } from './schema.ts';

/**
 * Decodes a large JSON text some thousand bytes at a time: between two steps others may have their turn. Undefined when
 * that does not go, as for a text that is wrong in some way: decodeJson decodes it, or says what is wrong.
 */
export function* decodeJsonInPieces<Name extends keyof Messages>(
  type: Name,
  text: Buffer,
): Generator<void, Messages[Name] | undefined> {
  try {
    const lists: DecodedList[] = [];
    const pieces = new JsonPieces(text);
    for (let piece = pieces.next(); piece !== undefined; piece = pieces.next()) {
      if (!decodePiece(type, piece, lists)) return undefined;
      yield;
    }
    const value: unknown = JSON.parse(pieces.rest());
    for (const [index, list] of lists.entries()) if (!takeOut(value, list.path, index)) return undefined;
    const decoded = convert(type, value, false);
    if (decoded === 'inexact' || !decoded.ok) return undefined;
    for (const { path, elements } of lists) putBack(value, path, elements);
    return decoded.value as Messages[Name];
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Refusal) return undefined;
    throw error;
  }
}

interface DecodedList {
  path: readonly string[];
  elements: unknown[];
}

/** Adds the elements of a piece to those of its list; false when they are not plainly messages. */
function decodePiece(type: string, { list, path, elements }: Piece, lists: DecodedList[]): boolean {
  const decode = decoders()[elementType(type, path) ?? ''];
  if (decode === undefined) return false;
  const leniency = new Leniency(false);
  for (const element of elements) {
    if (!isObject(element)) return false;
    decode(element, leniency, path.length + 1);
  }
  if (leniency.inexact || leniency.missing) return false;
  lists[list] ??= { path, elements: [] };
  for (const element of elements) lists[list].elements.push(element);
  return true;
}

/** What the list of messages below these members has as elements. */
function elementType(type: string, path: readonly string[]): string | undefined {
  let name: string | undefined = type;
  for (const [index, member] of path.entries()) {
    const field: Field | undefined = schema.messages.get(name ?? '')?.fields.find((known) => known.name === member);
    const isLast = index === path.length - 1;
    if (field?.type.kind !== 'message' || (field.rule === 'repeated') !== isLast || field.rule === 'map')
      return undefined;
    name = field.type.name;
  }
  return path.length === 0 ? undefined : name;
}

/**
 * Empties the list that stands for the cut one; false when another one of the same name has taken its place. Who writes
 * the number there himself gets the list that he sent.
 */
function takeOut(value: unknown, path: readonly string[], index: number): boolean {
  const place = placeOf(value, path);
  return Array.isArray(place) && place.length === 1 && place.pop() === index;
}

function putBack(value: unknown, path: readonly string[], elements: unknown[]): void {
  const parent = placeOf(value, path.slice(0, -1));
  const last = path.at(-1);
  if (isObject(parent) && last !== undefined) parent[last] = elements;
}

function placeOf(value: unknown, path: readonly string[]): unknown {
  let place = value;
  for (const member of path) place = isObject(place) && Object.hasOwn(place, member) ? place[member] : undefined;
  return place;
}
