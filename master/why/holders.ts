import type { FrameworkId } from '../../protocol/ids.ts';
import { type MasterState, type OfferRecord, rolesOf } from '../state.ts';
import { amountsOf, isNone, shown } from './amounts.ts';
import type { Holder, Outstanding } from './answer.ts';
import { nameOf, secondsOf } from './question.ts';

const named = 10;

/** The frameworks that hold most of the cluster, or of a role and those below it, offers that they sit on included. */
export function holders(state: MasterState, within: (role: string) => boolean = () => true): Holder[] {
  const found = [...state.frameworks.values()].flatMap((framework) =>
    rolesOf(framework.info).flatMap((role) => {
      const standing = within(role) ? state.allocator.standing(role, framework.id) : undefined;
      return standing === undefined || standing.share === 0 ? [] : [{ framework, role, standing }];
    }),
  );
  found.sort((left, right) => right.standing.share - left.standing.share);
  return found.slice(0, named).map(({ framework, role, standing: { share, allocated } }) => ({
    ...nameOf(framework),
    role,
    share,
    allocated: shown(allocated),
    outstanding: outstandingOf(state, framework.id, role),
  }));
}

/** The offers that a framework has not answered. */
export function outstandingOf(state: MasterState, framework: FrameworkId, role: string): Outstanding {
  const offers = [...(state.frameworks.get(framework)?.offers ?? [])].flatMap((id): OfferRecord[] => {
    const offer = state.offers.get(id);
    return offer?.role === role ? [offer] : [];
  });
  const since = offers.reduce((oldest, { offeredAt }) => Math.min(oldest, offeredAt), Number.POSITIVE_INFINITY);
  const amounts = amountsOf(offers.flatMap(({ resources }) => resources));
  return {
    offers: offers.length,
    amounts: isNone(amounts) ? {} : amounts,
    ...(offers.length === 0 ? {} : { since: secondsOf(since) }),
  };
}
