// Bad input by chance: the same seed makes the same input.

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A generator of chance with a seed (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** True in that share of cases. */
  happens(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined && values.length === 0) throw new RangeError('nothing to pick from');
    return value as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** Values that are of the wrong type, or at the edge of what is. */
const oddities: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 53,
  2 ** 64,
  1e21,
  '',
  ' ',
  '*',
  '.',
  '..',
  '/',
  'a/b',
  '\u0000',
  '\ud800',
  'é',
  '0',
  '-1',
  'NaN',
  'Infinity',
  '-Infinity',
  'true',
  '__proto__',
  'x'.repeat(256),
  'x'.repeat(70_000),
  '%zz',
  '../../../etc/passwd',
  [],
  [[]],
  {},
  [null],
  [{}, {}],
  { value: 'x' },
  { value: { value: 'x' } },
  { type: 'SCALAR' },
  { type: 'RANGES', ranges: { range: [{ begin: 10, end: 1 }] } },
  { range: [{ begin: 0, end: 2 ** 53 }] },
  { nanoseconds: 2 ** 63 },
  'AAAA',
  'EjRWeJq8TeaAZcMAAAAAAQ==',
];

/** Some are beyond what a double keeps exactly, and come out of the decoder as bigints. */
const extremes = [2 ** 53, 2 ** 63, -(2 ** 63), 2 ** 64, 2 ** 31, 1e308, -1, 0, 0.5, 0.0001];

const oddNames = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'value', 'type', '', 'id'];

/** The same value with a few of its members replaced, taken out, multiplied or added. */
export function mutateJson(value: Json, chance: Chance): Json {
  let mutated = copyOf(value);
  for (let times = 1 + chance.below(3); times > 0; times--) mutated = mutateOnce(mutated, chance);
  return mutated;
}

/** What is put in is a copy: mutated in its turn, an oddity would grow for ever, or come to hold itself. */
function copyOf(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

function mutateOnce(root: Json, chance: Chance): Json {
  const places = placesIn(root);
  if (places.length === 0) return copyOf(chance.pick(oddities));
  const { holder, key } = chance.pick(places);
  const put = (value: Json) => {
    if (Array.isArray(holder)) holder[Number(key)] = value;
    // Such a name as __proto__ has to become a member.
    else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
  };
  const current = (holder as Record<string, Json>)[key] as Json;
  // What is large already is not multiplied.
  const change = chance.below(places.length > 300 ? 5 : 8);
  if (typeof current === 'number' && chance.happens(0.6)) put(chance.pick(extremes));
  else if (change <= 3) put(copyOf(chance.pick(oddities)));
  else if (change === 4) Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key];
  else if (change === 5) put(Array.from({ length: chance.pick([2, 3, 50, 1000]) }, () => copyOf(current)));
  else if (change === 6) put(nested(chance.pick([5, 101, 400]), chance));
  else if (!Array.isArray(holder)) {
    const value = copyOf(chance.pick(oddities));
    Object.defineProperty(holder, chance.pick(oddNames), {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return root;
}

interface Place {
  holder: Json[] | { [name: string]: Json };
  key: string;
}

/** The first few hundred places of a value. */
function placesIn(value: Json, places: Place[] = [], depth = 0): Place[] {
  if (typeof value !== 'object' || value === null || depth > 50) return places;
  for (const key of Object.keys(value)) {
    if (places.length > 400) break;
    places.push({ holder: value, key });
    placesIn((value as Record<string, Json>)[key] as Json, places, depth + 1);
  }
  return places;
}

function nested(depth: number, chance: Chance): Json {
  const name = chance.pick(['parent', 'value', 'labels']);
  let value: Json = copyOf(chance.pick(oddities));
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { [name]: value };
  return value;
}

/** The same bytes with a few of them cut, flipped, repeated, or others put between. */
export function mutateBytes(bytes: Buffer, chance: Chance): Buffer {
  let mutated = Buffer.from(bytes);
  for (let times = 1 + chance.below(4); times > 0; times--) {
    const at = chance.below(mutated.length + 1);
    const until = Math.min(mutated.length, at + chance.below(20));
    const change = chance.below(5);
    if (change === 0) mutated = mutated.subarray(0, at);
    else if (change === 1 && mutated.length > 0) mutated[at % mutated.length] = chance.below(256);
    else if (change === 2)
      mutated = Buffer.concat([mutated.subarray(0, at), chance.bytes(chance.below(9)), mutated.subarray(at)]);
    else if (change === 3) mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(until)]);
    else mutated = Buffer.concat([mutated.subarray(0, until), mutated.subarray(at)]);
  }
  return mutated;
}

/** Some lengths of protobuf that promise far more than there is. */
export function hugeVarint(chance: Chance): Buffer {
  return Buffer.concat([
    Buffer.from([chance.pick([0x0a, 0x12, 0x1a, 0x22, 0x08, 0x10])]),
    Buffer.from('ffffffffffffffffff01'.slice(0, 2 * (2 + chance.below(9))), 'hex'),
    chance.bytes(chance.below(8)),
  ]);
}
