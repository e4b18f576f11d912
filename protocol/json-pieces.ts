import { mostValues } from './decoded.ts';
import { halfSurrogateIn } from './json-surrogates.ts';

/** Lists further down are not cut. */
const deepestList = 3;
/** Bytes of a list that are parsed at a time: well below a millisecond's work. */
const pieceLength = 32 * 1024;
const deepest = 10_000;

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;

const [plain, quotes, opens, closes, commas, colons] = [0, 1, 2, 3, 4, 5];
const kinds = new Uint8Array(256);
for (const character of '[{') kinds[character.charCodeAt(0)] = opens;
for (const character of ']}') kinds[character.charCodeAt(0)] = closes;
kinds[quote] = quotes;
kinds[','.charCodeAt(0)] = commas;
kinds[':'.charCodeAt(0)] = colons;

/** Some elements of a long list, parsed. */
export interface Piece {
  /** Pieces of one list have one number, and come one after the other. */
  readonly list: number;
  /** The members below which the list stands. */
  readonly path: readonly string[];
  readonly elements: unknown[];
}

/**
 * Takes the long lists near the top of a JSON text out of it and parses them a piece at a time, so that others get their
 * turn in between. Its SyntaxErrors say nothing about the whole text: whoever needs to know parses that in one go.
 */
export class JsonPieces {
  readonly #text: Buffer;
  #at = 0;
  #depth = 0;
  #values = 0;
  /** Where the names of the members stand that are being read, from the top. */
  readonly #names: { from: number; to: number }[] = [];
  /** The outermost list here: its depth (0: none), where it begins, and its first element that is not parsed yet. */
  #listDepth = 0;
  #listFrom = 0;
  #pieceFrom = 0;
  #cut = 0;
  #rest = '';
  #restFrom = 0;

  constructor(text: Buffer) {
    this.#text = text;
  }

  /** The next piece; undefined when there are no more. */
  next(): Piece | undefined {
    const text = this.#text;
    const { length } = text;
    let [at, depth, values] = [this.#at, this.#depth, this.#values];
    let [from, to] = [0, 0];
    let piece: Piece | undefined;
    for (; at < length && piece === undefined; at++) {
      const kind = kinds[text[at] ?? 0];
      if (kind === plain) continue;
      if (kind === quotes) {
        from = at;
        for (at++; at < length && text[at] !== quote; at++) if (text[at] === backslash) at++;
        to = at + 1;
      } else if (kind === commas) {
        values++;
        if (depth === this.#listDepth && at - this.#pieceFrom >= pieceLength) piece = this.#piece(at);
      } else if (kind === opens) {
        values++;
        depth++;
        if (this.#listDepth === 0 && depth <= deepestList && text[at] === openBracket) this.#beginList(at, depth);
      } else if (kind === closes) {
        if (depth === this.#listDepth) piece = this.#endList(at);
        depth--;
      } else if (this.#listDepth === 0) this.#names[depth - 1] = { from, to };
      if (values > mostValues || depth > deepest) throw new SyntaxError('this is more than should be parsed');
    }
    [this.#at, this.#depth, this.#values] = [at, depth, values];
    return piece;
  }

  /** When there are no more pieces: the rest of the text, in which a list with its number stands for each that was cut. */
  rest(): string {
    return this.#rest + this.#text.toString('utf8', this.#restFrom);
  }

  #beginList(at: number, depth: number): void {
    this.#listDepth = depth;
    this.#listFrom = at;
    this.#pieceFrom = at + 1;
  }

  #endList(at: number): Piece | undefined {
    const isCut = this.#pieceFrom > this.#listFrom + 1;
    const piece = isCut ? this.#piece(at) : undefined;
    if (isCut) {
      this.#rest += `${this.#text.toString('utf8', this.#restFrom, this.#listFrom + 1)}${this.#cut++}`;
      this.#restFrom = at;
    }
    this.#listDepth = 0;
    return piece;
  }

  #piece(to: number): Piece {
    const elements = parse(`[${this.#text.toString('utf8', this.#pieceFrom, to)}]`) as unknown[];
    // Between two commas, or behind the last, there was nothing.
    if (elements.length === 0) throw new SyntaxError('an element is missing');
    this.#pieceFrom = to + 1;
    const names = this.#names.slice(0, this.#listDepth - 1);
    const path = names.map(({ from, to }) => parse(this.#text.toString('utf8', from, to)) as string);
    return { list: this.#cut, path, elements };
  }
}

function parse(json: string): unknown {
  if (halfSurrogateIn(json) !== -1) throw new SyntaxError('half of a surrogate pair');
  return JSON.parse(json);
}
