import type { Advice, FrameworkName } from '../../master/why/answer.ts';
import { renderAge } from '../format/table.ts';
import { agent, ago, amounts, framework, number, until } from './phrases.ts';

type Texts = { [Kind in Advice['kind']]: (advice: Extract<Advice, { kind: Kind }>, now: number) => string };

const texts: Texts = {
  WAIT_FOR_ALLOCATION: (advice) => `nothing: ${agent(advice.agent)} comes with the next allocation`,
  ANSWER_OFFERS: ({ offers, since, rescinded_at }, now) =>
    `it sits on ${number(offers, 'offer')}, the oldest made ${ago(since, now)}: it should accept or decline${
      rescinded_at === undefined ? '' : ` (rescinded ${until(rescinded_at, now)})`
    }`,
  WAIT_FOR_FILTER: (advice, now) => `its filter on ${agent(advice.agent)} ends ${until(advice.until, now)}`,
  WAIT_FOR_AGENTS: ({ missing, until: end }, now) =>
    `more agents come back to this new master (${missing} are missing): there are quotas, and it offers nothing until then, or until it gives up ${until(end, now)}`,
  WAIT_FOR_TURN: ({ before, ahead, ...advice }) =>
    `${framework(before)} comes first on ${agent(advice.agent)}${ahead > 1 ? `, of ${ahead} before it` : ''}: it is offered what they decline`,
  REVIVE: ({ role }) => `it revives role ${role} (REVIVE): that ends filters and suppression`,
  RECONNECT: ({ removed_at }, now) =>
    `it subscribes again${removed_at === undefined ? '' : `; it is removed ${until(removed_at, now)}`}`,
  WAIT_FOR_OFFER: ({ holder, amounts: held, since, until: end, ...advice }, now) =>
    `${framework(holder)} sits on an offer of ${amounts(held)} on ${agent(advice.agent)} for ${renderAge(now - since)}: ${
      end === undefined ? '--offer_timeout of the master would take such offers back' : `rescinded ${until(end, now)}`
    }`,
  REACTIVATE_AGENT: ({ because, ...advice }) =>
    because === 'DRAINING'
      ? `${agent(advice.agent)} is being drained: \`mesita reactivate\` when that is over`
      : `${agent(advice.agent)} is ${because.toLowerCase()}: \`mesita reactivate\``,
  RECONNECT_AGENT: ({ since, until: end, ...advice }, now) =>
    `${agent(advice.agent)}, away for ${renderAge(now - since)}, comes back${
      end === undefined ? '' : `; it is unreachable ${until(end, now)}`
    }`,
  RAISE_LIMIT: ({ role, amounts: more }) =>
    `the limit of role ${role} is raised${Object.keys(more).length === 0 ? '' : ` by ${amounts(more)}`}, or tasks in it end`,
  LOWER_GUARANTEE: ({ role, amounts: lacks }) =>
    `role ${role} takes what its guarantee lacks (${amounts(lacks)}), or the guarantee is lowered`,
  RELAX_CONSTRAINTS: (advice) => `its offer constraints let ${agent(advice.agent)} in`,
  TAKE_GPUS: (advice) => `it takes agents with GPUs such as ${agent(advice.agent)} (capability GPU_RESOURCES)`,
  TAKE_REGIONS: (advice) => `it takes agents of other regions such as ${agent(advice.agent)} (capability REGION_AWARE)`,
  ASK_FOR_LESS: ({ less, largest, ...advice }) =>
    `it asks for ${amounts(less)} less: ${amounts(largest)} would go to ${agent(advice.agent)}`,
  WAIT_FOR_TASKS: ({ tasks, ...advice }) =>
    `${tasks.map((task) => `task ${task.id} of ${task.framework} (${amounts(task.amounts)})`).join(', ')} on ${agent(advice.agent)} ${
      tasks.length === 1 ? 'ends' : 'end'
    }`,
  ADD_AGENT: ({ amounts: least }) =>
    Object.keys(least).length === 0 ? 'another agent' : `another agent with ${amounts(least)} free`,
};

/** `now`: seconds since the epoch. */
export function adviceLines(advice: readonly (Advice & Partial<FrameworkName>)[], now: number): string[] {
  if (advice.length === 0) return [];
  const lines = advice.map((one) => {
    // The table is exhaustive by its type; the compiler cannot follow that kind and advice belong together.
    const text = (texts[one.kind] as (advice: Advice, now: number) => string)(one, now);
    return `  - ${one.framework === undefined ? '' : `${one.framework}: `}${text}`;
  });
  return ['', 'What would help, the smallest change first:', ...lines];
}
