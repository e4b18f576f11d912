/** `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, and with a master's suffix for a framework, agent, offer or inverse offer. */
const token =
  /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-(?:[SO]\d+|\d{4}))?|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{21}[AQgw]==/g;

/** The ids, uuids and stream ids in a text. */
export function tokensOf(text: string): string[] {
  return text.match(token) ?? [];
}

/** Whether a text is an id and nothing else. */
export function isId(text: string): boolean {
  return tokensOf(text)[0] === text;
}

/** Which id of the living master stands for which recorded one. Learned by laying an answer beside the recorded one. */
export class Identities {
  readonly #live = new Map<string, string>();
  /** Ids that the recorded client made itself: the same in both. */
  readonly #own: ReadonlySet<string>;

  #directory: { recorded: string; live: string } | undefined;

  constructor(own: ReadonlySet<string>) {
    this.#own = own;
  }

  knows(recorded: string): boolean {
    return this.#own.has(recorded) || this.#live.has(recorded);
  }

  /** Whether it is the living form of a recorded id. */
  knowsLive(live: string): boolean {
    return [...this.#live.values()].includes(live);
  }

  /** Where the living agent keeps what the recorded one kept in another place. */
  learnDirectory(recorded: string, live: string): void {
    if (this.#directory === undefined && recorded !== live) this.#directory = { recorded, live };
  }

  learn(recorded: string, live: string): void {
    if (!this.knows(recorded)) this.#live.set(recorded, live);
  }

  live(recorded: string): string {
    return this.#live.get(recorded) ?? recorded;
  }

  /** A recorded text with the living ids in it. */
  translate(text: string): string {
    return this.#inDirectory(text).replace(token, (recorded) => this.live(recorded));
  }

  #inDirectory(text: string): string {
    if (this.#directory === undefined) return text;
    const { recorded, live } = this.#directory;
    return text.replaceAll(recorded, live).replaceAll(encodeURIComponent(recorded), encodeURIComponent(live));
  }

  /** Learns the ids at which two texts differ, where everything else in them is the same. */
  learnFrom(recorded: string, live: string): void {
    const [olds, news] = [tokensOf(recorded), tokensOf(live)];
    if (olds.length === 0) return;
    if (olds[0] === recorded && news.length === 0) this.learn(recorded, live);
    if (olds.length !== news.length || recorded.replace(token, '') !== live.replace(token, '')) return;
    for (const [index, old] of olds.entries()) this.learn(old, news[index] ?? old);
  }
}
