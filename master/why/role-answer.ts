import { type MasterState, rolesOf } from '../state.ts';
import { minus, shown } from './amounts.ts';
import type { Amounts, RoleAnswer } from './answer.ts';
import { conditionOf, inRole } from './framework-answer.ts';
import { holders } from './holders.ts';
import { nameOf, secondsOf } from './question.ts';
import { leftOf } from './quotas.ts';
import { wishOf } from './wish.ts';

/** Frameworks that are looked at closely. */
const shownFrameworks = 10;

/** Why a role, with those below it, gets no more than it has: of itself, and of the frameworks in it that hold least. */
export function answerForRole(
  state: MasterState,
  role: string,
  asked: Amounts | undefined,
  atMost: number,
  now: number,
): RoleAnswer {
  const { allocator, weights, quotas } = state;
  const standing = allocator.standing(role);
  const quota = quotas.get(role);
  const consumed = shown(standing?.consumed ?? new Map());
  const within = (other: string) => other === role || other.startsWith(`${role}/`);
  const members = [...state.frameworks.values()].flatMap((framework) =>
    rolesOf(framework.info)
      .filter(within)
      .map((own) => ({
        framework,
        own,
        share: allocator.standing(own, framework.id)?.share ?? 0,
        isQuiet: !framework.connected || framework.suppressedRoles.has(own),
      })),
  );
  // Who asks for something first.
  members.sort((left, right) => Number(left.isQuiet) - Number(right.isQuiet) || left.share - right.share);
  const looked = members.slice(0, shownFrameworks).map(({ framework, own, isQuiet }) => {
    const wish = wishOf(framework, own, asked);
    const each = Math.max(1, Math.floor(atMost / Math.min(members.length, shownFrameworks)));
    const { answer, advice } = inRole({ state, framework, role: own, wish, atMost: each, now });
    const name = nameOf(framework);
    return {
      framework: {
        ...name,
        condition: conditionOf(state, framework),
        ...(wish === undefined ? {} : { wish }),
        ...answer,
      },
      advice: advice
        .filter(({ kind }) => kind === 'ANSWER_OFFERS' || !isQuiet || wish !== undefined)
        .map((one) => ({ ...name, ...one })),
    };
  });
  return {
    subject: 'role',
    at: secondsOf(now),
    role,
    weight: weights.get(role) ?? 1,
    share: standing?.share ?? 0,
    ...(standing?.dominant === undefined ? {} : { dominant: standing.dominant }),
    allocated: shown(standing?.allocated ?? new Map()),
    ...(quota === undefined
      ? {}
      : { quota: { guarantees: shown(quota.guarantees), limits: Object.fromEntries(quota.limits), consumed } }),
    lacks: quota === undefined ? {} : minus(shown(quota.guarantees), consumed),
    left: leftOf(state, role),
    members: members.length,
    frameworks: looked.map(({ framework }) => framework),
    holders: holders(state, (other) => !within(other)),
    advice: looked.flatMap(({ advice }) => advice),
  };
}
