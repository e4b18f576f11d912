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
  /** Another one of the same client and agent. */
  next: Filter | undefined;
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
    const next = client.filters.get(host);
    const filter: Filter = { client, host, lots, until, holds: true, seen: undefined, refused: false, next };
    client.filters.set(host, filter);
    host.filters++;
    this.#byExpiry.push(filter);
    this.#count(client, 1);
  }

  /** Whether a client is not to be offered that of an agent. Those that are over count until they are taken out. */
  refuses(client: Client, host: Host, parcel: Parcel): boolean {
    if (host.filters === 0) return false;
    for (let filter = client.filters.get(host); filter !== undefined; filter = filter.next) {
      if (refuses(filter, parcel)) return true;
    }
    return false;
  }

  /** Until when, in milliseconds since the epoch; undefined when nothing is in its way by `now`. */
  refusedUntil(client: Client, host: Host, parcel: Parcel, now: number): number | undefined {
    let until: number | undefined;
    for (let filter = client.filters.get(host); filter !== undefined; filter = filter.next) {
      if (filter.until > now && refuses(filter, parcel)) until = Math.max(until ?? now, filter.until);
    }
    return until;
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
      unlink(next);
      this.#end(next);
      return next;
    }
    return undefined;
  }

  clearClient(client: Client): void {
    for (const first of client.filters.values()) this.#endAll(first);
    client.filters.clear();
    this.#sweep();
  }

  clear(client: Client, host: Host): void {
    this.#endAll(client.filters.get(host));
    client.filters.delete(host);
    this.#sweep();
  }

  #endAll(first: Filter | undefined): void {
    for (let filter = first; filter !== undefined; filter = filter.next) this.#end(filter);
  }

  #end(filter: Filter): void {
    filter.holds = false;
    filter.host.filters--;
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

function unlink(filter: Filter): void {
  const { filters } = filter.client;
  let before = filters.get(filter.host);
  if (before === filter) {
    if (filter.next === undefined) filters.delete(filter.host);
    else filters.set(filter.host, filter.next);
    return;
  }
  while (before !== undefined && before.next !== filter) before = before.next;
  if (before !== undefined) before.next = filter.next;
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
