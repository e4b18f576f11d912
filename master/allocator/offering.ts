import type { Books } from './books.ts';
import type { Client } from './client.ts';
import type { Filters } from './filters.ts';
import type { Host } from './host.ts';
import type { Parcel } from './parcel.ts';
import { leftOf } from './role-quota.ts';
import type { RoleNode } from './role-tree.ts';
import { isWorth, type Needs, objection } from './suitability.ts';

/** First guarantees are met, then everybody gets a share. */
export type Stage = 'guarantees' | 'shares';

/** Why a client is not given anything of an agent. */
export type Refusal = 'NOTHING_FREE' | 'MINIMUM' | 'GPU' | 'REGION' | 'CONSTRAINTS' | 'MET' | 'QUOTA' | 'FILTERED';

export interface OfferingOptions {
  /** What makes an offer worth making, where a framework does not say otherwise. */
  needs: Needs;
  /** Whether agents with GPUs are kept for frameworks with GPU_RESOURCES. */
  filterGpus: boolean;
}

/** What a client would be given of an agent, whoever else might want it. */
export class Offering {
  readonly #books: Books;
  readonly #filters: Filters;
  readonly #options: OfferingOptions;
  #top: RoleNode;

  constructor(books: Books, filters: Filters, options: OfferingOptions) {
    this.#books = books;
    this.#filters = filters;
    this.#options = options;
    this.#top = books.tree.root;
  }

  get needs(): Needs {
    return this.#options.needs;
  }

  /** Quite as `judge`, but by what filters are still there at a time, in milliseconds since the epoch, and without a trace. */
  judgeAt(now: number, stage: Stage, host: Host, client: Client): Parcel | Refusal {
    const { heldBack } = host;
    const parcel = this.#judge(stage, host, client, host.reservesFor(client.leaf), false);
    host.heldBack = heldBack;
    if (typeof parcel === 'string') return parcel;
    return this.#filters.refusedUntil(client, host, parcel, now) === undefined ? parcel : 'FILTERED';
  }

  /** `isReserved`: something of the agent is reserved for the client's role. `hidesShared`: what is shared was offered in this cycle. */
  judge(stage: Stage, host: Host, client: Client, isReserved: boolean, hidesShared: boolean): Parcel | Refusal {
    const parcel = this.#judge(stage, host, client, isReserved, hidesShared);
    if (typeof parcel === 'string') return parcel;
    return this.#filters.refuses(client, host, parcel) ? 'FILTERED' : parcel;
  }

  #judge(stage: Stage, host: Host, client: Client, isReserved: boolean, hidesShared: boolean): Parcel | Refusal {
    const whole = host.parcelFor(client, isReserved, hidesShared);
    if (whole.isEmpty) return 'NOTHING_FREE';
    const needs = client.needs ?? this.#options.needs;
    if (!isWorth(whole, needs)) return 'MINIMUM';
    const against = objection(client, host, this.#options.filterGpus);
    if (against !== undefined) return against;
    const parcel = this.withinQuota(stage, whole, client.leaf.node.top);
    if (parcel === undefined) return 'MET';
    if (parcel !== whole) {
      host.heldBack = true;
      if (!isWorth(parcel, needs)) return 'QUOTA';
    }
    return parcel;
  }

  /** As much of it as quotas allow a role; undefined when it is none of what the role's guarantees lack, at that stage. */
  withinQuota(stage: Stage, whole: Parcel, top: RoleNode): Parcel | undefined {
    const { guarantees } = this.#books;
    if (guarantees.tops.size === 0) return stage === 'shares' ? whole : undefined;
    this.#top = top;
    if (stage === 'shares') return whole.chopped(this.#fairBound);
    if (!this.#helps(whole)) return undefined;
    const parcel = whole.chopped(this.#guaranteedBound);
    return parcel === whole || this.#helps(parcel) ? parcel : undefined;
  }

  #helps(parcel: Parcel): boolean {
    const lacking = this.#top.quota?.lacking ?? [];
    return lacking.some((amount, scalar) => amount > 0 && (parcel.open[scalar] ?? 0) > 0);
  }

  readonly #fairBound = (scalar: number): number => Math.min(leftOf(this.#top, scalar), this.#books.surplusOf(scalar));

  /** What the guarantees lack, and of scalars of which they lack nothing, what they leave to everybody. */
  readonly #guaranteedBound = (scalar: number): number => {
    const lacking = this.#top.quota?.lacking[scalar] ?? 0;
    return lacking > 0 ? Math.min(lacking, leftOf(this.#top, scalar)) : this.#fairBound(scalar);
  };
}
