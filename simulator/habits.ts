import type { Offer } from '../protocol/messages.ts';
import type { Behaviour, FrameworkGroup } from './scenario.ts';

/** How a framework deals with offers. */
export interface Habits {
  /** Seconds that it thinks before an answer; undefined: it never answers. */
  readonly delay: number | undefined;
  /** Seconds of the filter of what it declines. */
  readonly refuse: number;
  /** Seconds that it keeps an offer that it has no use for. */
  readonly keeps: number;
  /** Whether it suppresses when nothing waits. */
  readonly suppresses: boolean;
  /** Whether it would take anything of that agent. */
  likes(offer: Offer): boolean;
}

const polite: Habits = { delay: 0, refuse: 5, keeps: 0, suppresses: true, likes: () => true };

const byBehaviour: Record<Behaviour, (group: FrameworkGroup) => Habits> = {
  polite: () => polite,
  greedy: () => ({ ...polite, refuse: 0, suppresses: false }),
  picky: ({ wants = '' }) => ({ ...polite, refuse: 60, likes: (offer) => hasAttribute(offer, wants) }),
  hoarding: ({ hold = 600 }) => ({ ...polite, keeps: hold, suppresses: false }),
  slow: ({ hold = 10 }) => ({ ...polite, delay: hold }),
  dead: () => ({ ...polite, delay: undefined, suppresses: false }),
};

export function habitsOf(group: FrameworkGroup): Habits {
  const habits = byBehaviour[group.behaviour](group);
  return { ...habits, refuse: group.refuse ?? habits.refuse };
}

/** `wanted`: `name:value` */
function hasAttribute({ attributes = [] }: Offer, wanted: string): boolean {
  return attributes.some(({ name, text, scalar }) => `${name}:${text?.value ?? scalar?.value}` === wanted);
}
