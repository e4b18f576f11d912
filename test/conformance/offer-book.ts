import { at, isObject, Numeral, textAt, type Value } from './document.ts';

interface OpenOffer {
  id: string;
  offer: Value;
  /** The recorded offer that it stands for, once there is one. */
  for?: string;
}

/** The offers that a framework holds, and which of them stand for which recorded one. */
export class OfferBook {
  readonly #open = new Map<string, OpenOffer>();
  readonly #recorded = new Map<string, Value>();

  add(offer: Value): void {
    const id = textAt(offer, 'id', 'value');
    this.#open.set(id, { id, offer });
  }

  /** Forgets the offers that stand for no recorded one; their ids. */
  giveBack(): string[] {
    const surplus = [...this.#open.values()].flatMap(({ id, for: recorded }) => (recorded === undefined ? [id] : []));
    for (const id of surplus) this.#open.delete(id);
    return surplus;
  }

  remove(id: string): void {
    this.#open.delete(id);
  }

  /**
   * A living offer for the recorded one: of the same agent and role. An `exact` one has as many resources at least,
   * and was made when the maintenance was planned that it was recorded with.
   * `agent` is the living id of the recorded agent.
   */
  match(recorded: Value, agent: string, exact: boolean): Value | undefined {
    const id = textAt(recorded, 'id', 'value');
    const candidates = [...this.#open.values()].filter(
      (open) => open.for === undefined && sameSource(open.offer, recorded, agent),
    );
    const found = exact
      ? candidates.find(
          ({ offer }) => isPlanned(offer, recorded) && covers(quantities([offer]), quantities([recorded])),
        )
      : candidates.sort((one, other) => size(other.offer) - size(one.offer))[0];
    if (found === undefined) return undefined;
    found.for = id;
    this.#recorded.set(id, recorded);
    return found.offer;
  }

  /** Whether what was recorded as an offer of its own is part of the living ones that stand for others. */
  holds(recorded: Value, agent: string): boolean {
    const others = [...this.#open.values()].filter(
      (open) => open.for !== undefined && sameSource(open.offer, recorded, agent),
    );
    const stoodFor = others.flatMap(({ for: id }) => this.#recorded.get(id ?? '') ?? []);
    return covers(quantities(others.map(({ offer }) => offer)), quantities([...stoodFor, recorded]));
  }

  /**
   * Of the living offers that a recorded call names, those that must be named with them, so that they are worth what the
   * recorded ones were: a master may offer in two parts what another offers in one. Then all of them are spent.
   */
  spend(live: readonly string[]): string[] {
    const named = live.flatMap((id) => this.#open.get(id) ?? []);
    const wanted = quantities(named.flatMap(({ for: id }) => this.#recorded.get(id ?? '') ?? []));
    const added: OpenOffer[] = [];
    for (const open of this.#open.values()) {
      if (covers(quantities([...named, ...added].map(({ offer }) => offer)), wanted)) break;
      const [first] = named;
      if (first === undefined || open.for !== undefined) continue;
      if (sameSource(open.offer, first.offer, textAt(first.offer, 'agent_id', 'value'))) added.push(open);
    }
    for (const { id } of [...named, ...added]) this.#open.delete(id);
    return added.map(({ id }) => id);
  }
}

function sameSource(live: Value, recorded: Value, agent: string): boolean {
  return (
    textAt(live, 'agent_id', 'value') === agent &&
    textAt(live, 'allocation_info', 'role') === textAt(recorded, 'allocation_info', 'role')
  );
}

function isPlanned(live: Value, recorded: Value): boolean {
  return at(recorded, 'unavailability') === undefined || at(live, 'unavailability') !== undefined;
}

/** The sums of the scalars, by name. */
function quantities(offers: readonly Value[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const offer of offers) {
    const resources = at(offer, 'resources');
    for (const resource of Array.isArray(resources) ? resources : []) {
      const value = at(resource, 'scalar', 'value');
      if (!isObject(resource) || !(value instanceof Numeral)) continue;
      const name = textAt(resource, 'name');
      sums.set(name, (sums.get(name) ?? 0) + Number(value.text));
    }
  }
  return sums;
}

function covers(held: Map<string, number>, wanted: Map<string, number>): boolean {
  return [...wanted].every(([name, amount]) => (held.get(name) ?? 0) > amount - 0.0005);
}

function size(offer: Value): number {
  return quantities([offer]).get('cpus') ?? 0;
}
