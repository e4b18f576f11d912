import { covers } from './amount.ts';
import type { Client } from './client.ts';
import { Heap } from './heap.ts';
import type { Host } from './host.ts';
import { isSameKind, type Lot } from './kind.ts';
import type { Parcel } from './parcel.ts';

export interface Filter {
  readonly client: Client;
  readonly host: Host;
  readonly lots: readonly Lot[];
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Not expired and not cleared. */
  holds: boolean;
  /** What it was last compared with, and whether it refused that. */
  seen: Parcel | undefined;
  refused: boolean;
}

/**
 * What frameworks have refused, for how long. A filter holds back an offer whose resources are a subset of what was
 * refused on that agent; as soon as the agent has more to give, it does not match. Source: Mesos' offer filters.
 */
export class Filters {
  readonly #byExpiry = new Heap<Filter>((left, right) => left.until - right.until);
  readonly #counts = new Map<string, number>();
  #holding = 0;

  add(client: Client, host: Host, lots: readonly Lot[], until: number): void {
    const filter = { client, host, lots, until, holds: true, seen: undefined, refused: false };
    const others = client.filters.get(host);
    if (others === undefined) client.filters.set(host, [filter]);
    else others.push(filter);
    this.#byExpiry.push(filter);
    this.#count(client, 1);
  }

  /** Whether a client is not to be offered that of an agent. Those that are over count until they are taken out. */
  refuses(client: Client, host: Host, parcel: Parcel): boolean {
    const filters = client.filters.get(host);
    if (filters === undefined) return false;
    for (const filter of filters) if (refuses(filter, parcel)) return true;
    return false;
  }

  /** Until when, in milliseconds since the epoch; undefined when nothing is in its way by `now`. */
  refusedUntil(client: Client, host: Host, parcel: Parcel, now: number): number | undefined {
    const held = client.filters.get(host)?.filter((filter) => filter.until > now && refuses(filter, parcel)) ?? [];
    return held.length === 0 ? undefined : Math.max(...held.map(({ until }) => until));
  }

  /** How many hold, by role. */
  count(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Takes out one that is over by now; undefined when there is none. */
  expireNext(now: number): Filter | undefined {
    for (let next = this.#byExpiry.first; next !== undefined && next.until <= now; next = this.#byExpiry.first) {
      this.#byExpiry.pop();
      if (!next.holds) continue;
      const rest = (next.client.filters.get(next.host) ?? []).filter((filter) => filter !== next);
      if (rest.length === 0) next.client.filters.delete(next.host);
      else next.client.filters.set(next.host, rest);
      this.#end(next);
      return next;
    }
    return undefined;
  }

  clearClient(client: Client): void {
    for (const filters of client.filters.values()) for (const filter of filters) this.#end(filter);
    client.filters.clear();
    this.#sweep();
  }

  clear(client: Client, host: Host): void {
    for (const filter of client.filters.get(host) ?? []) this.#end(filter);
    client.filters.delete(host);
    this.#sweep();
  }

  #end(filter: Filter): void {
    filter.holds = false;
    this.#count(filter.client, -1);
  }

  #count({ role }: Client, by: 1 | -1): void {
    this.#holding += by;
    const count = (this.#counts.get(role) ?? 0) + by;
    if (count === 0) this.#counts.delete(role);
    else this.#counts.set(role, count);
  }

  /** Cleared ones would stay until they had expired. */
  #sweep(): void {
    if (this.#byExpiry.size > 2 * this.#holding + 1000) this.#byExpiry.keep(({ holds }) => holds);
  }
}

function refuses(filter: Filter, parcel: Parcel): boolean {
  if (filter.seen !== parcel) {
    filter.seen = parcel;
    filter.refused = parcel.lots.every((lot) => {
      const own = filter.lots.find(({ kind }) => isSameKind(kind, lot.kind));
      return own !== undefined && covers(own.amount, lot.amount);
    });
  }
  return filter.refused;
}
