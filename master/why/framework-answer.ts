import type { OfferLife, OfferTally } from '../ledger.ts';
import { type Framework, type MasterState, rolesOf } from '../state.ts';
import { adviceFor } from './advice.ts';
import { amountsOf, shown } from './amounts.ts';
import type { Advice, Amounts, FrameworkAnswer, FrameworkRole, Wish } from './answer.ts';
import { holders, outstandingOf } from './holders.ts';
import { disconnectedSince, nameOf, type Question, secondsOf } from './question.ts';
import { findings, surveyOf } from './survey.ts';
import { wishOf } from './wish.ts';

const latestShown = 5;

/** Why a framework gets nothing, or not what it needs. `asked`: what it is to be judged by, in place of what is known of its needs. */
export function answerForFramework(
  state: MasterState,
  framework: Framework,
  asked: Amounts | undefined,
  atMost: number,
  now: number,
): FrameworkAnswer {
  const { tasks, unreachableTasks, completedTasks } = framework;
  const condition = conditionOf(state, framework);
  const roles = condition === 'COMPLETED' ? [] : rolesOf(framework.info);
  const answers = roles.map((role) =>
    inRole({ state, framework, role, wish: wishOf(framework, role, asked), atMost, now }),
  );
  const wish = answers.find((answer) => answer.wish !== undefined)?.wish;
  return {
    subject: 'framework',
    at: secondsOf(now),
    ...nameOf(framework),
    condition,
    since: secondsOf(sinceOf(framework)),
    ...(framework.removeAt === undefined ? {} : { removed_at: secondsOf(framework.removeAt) }),
    tasks: { active: tasks.size, unreachable: unreachableTasks.size, completed: completedTasks.length },
    ...(wish === undefined ? {} : { wish }),
    roles: answers.map(({ answer }) => answer),
    holders: condition === 'COMPLETED' ? [] : holders(state),
    advice: answers.flatMap(({ advice }) => advice),
  };
}

export function conditionOf(state: MasterState, { id, connected, recovered }: Framework): FrameworkAnswer['condition'] {
  if (!state.frameworks.has(id)) return 'COMPLETED';
  if (connected) return 'ACTIVE';
  return recovered ? 'RECOVERED' : 'DISCONNECTED';
}

function sinceOf(framework: Framework): number {
  return framework.unregisteredAt ?? disconnectedSince(framework) ?? framework.reregisteredAt;
}

export function inRole(question: Question): { answer: FrameworkRole; advice: Advice[]; wish: Wish | undefined } {
  const { state, framework, role, wish } = question;
  const { ledger, allocator } = state;
  const tally = ledger.tallyOf(framework.id, role);
  const standing = allocator.standing(role, framework.id);
  const outstanding = outstandingOf(state, framework.id, role);
  const found = findings(question);
  const { ACCEPTED = 0, DECLINED = 0, RESCINDED = 0, TIMED_OUT = 0, RETURNED = 0 } = tally?.ends ?? {};
  const declines = tally?.declines;
  const answer: FrameworkRole = {
    role,
    suppressed: framework.suppressedRoles.has(role),
    share: standing?.share ?? 0,
    allocated: shown(standing?.allocated ?? new Map()),
    outstanding,
    ...lastOffered(question, tally),
    ended: {
      accepted: ACCEPTED,
      declined: DECLINED,
      rescinded: RESCINDED,
      timed_out: TIMED_OUT,
      returned: RETURNED,
      tasks: tally?.tasks ?? 0,
    },
    ...(declines === undefined
      ? {}
      : {
          declined: {
            offers: declines.offers,
            since: secondsOf(declines.since),
            last: secondsOf(declines.lastAt),
            refuse_seconds: declines.lastRefuseSeconds,
            largest: shown(declines.largest),
          },
        }),
    latest: ledger.livesOf(framework.id, role, latestShown).map(showLife),
    passed_over: (standing?.passes ?? []).map(({ kind, times, since, agent }) => ({
      kind,
      times,
      since: secondsOf(since),
      agent_id: agent,
    })),
    survey: surveyOf(found, state.agents.size),
  };
  return { answer, advice: adviceFor(question, found, outstanding), wish };
}

function lastOffered({ state, framework, role }: Question, tally: OfferTally | undefined): { last_offered?: number } {
  const out = [...framework.offers].flatMap((id) => state.offers.get(id) ?? []).filter((offer) => offer.role === role);
  const times = [tally?.lastOfferedAt ?? 0, ...out.map(({ offeredAt }) => offeredAt)];
  const last = times.reduce((latest, time) => Math.max(latest, time), 0);
  return last === 0 ? {} : { last_offered: secondsOf(last) };
}

function showLife({ offer, end, endedAt }: OfferLife): FrameworkRole['latest'][number] {
  return {
    agent_id: offer.agent,
    amounts: amountsOf(offer.resources),
    offered_at: secondsOf(offer.offeredAt),
    ended_at: secondsOf(endedAt),
    end: end.kind,
    ...('reason' in end ? { reason: end.reason } : {}),
    ...('refuseSeconds' in end ? { refuse_seconds: end.refuseSeconds } : {}),
    ...('tasks' in end ? { tasks: end.tasks } : {}),
  };
}
