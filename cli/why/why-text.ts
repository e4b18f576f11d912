import type { Answer, RoleAnswer, TaskAnswer, TaskWait } from '../../master/why/answer.ts';
import { renderAge, renderState } from '../format/table.ts';
import { adviceLines } from './advice-text.ts';
import { frameworkLines, holderLines, roleLines, wishLine } from './framework-text.ts';
import { agent, ago, amounts, framework, number, percent, until } from './phrases.ts';

/** An answer of `GET /mesita/v1/why`, for people. */
export function whyText(answer: Answer): string {
  const lines = { task: taskLines, framework: frameworkLines, role: wholeRoleLines };
  // By its subject it is the one that the function takes.
  return `${(lines[answer.subject] as (answer: Answer) => string[])(answer).join('\n')}\n`;
}

function taskLines(answer: TaskAnswer): string[] {
  const { at, task_id, role, place, state = '', history, waits, placement } = answer;
  const where = answer.agent === undefined ? '' : ` on ${agent(answer.agent)}${conditionOf(answer)}`;
  const what = place === 'PENDING' ? 'waits to be placed' : `is ${renderState(state)}${where}`;
  return [
    `${task_id} of ${framework(answer)}, role ${role}, with ${amounts(answer.amounts)}: ${what}.`,
    ...history.map((one) => {
      const when = one.at === undefined ? '' : `, ${ago(one.at, at)}`;
      const healthy = one.healthy === undefined ? '' : `, ${one.healthy ? 'healthy' : 'unhealthy'}`;
      const cause = [one.reason, one.message].filter((part) => part !== undefined).join(': ');
      return `  ${renderState(one.state)}${when}${healthy}${cause === '' ? '' : ` (${cause})`}`;
    }),
    ...waits.map((wait) => `  ${waitText(wait, at)}`),
    ...(placement === undefined ? [] : ['', ...frameworkLines(placement)]),
  ];
}

function conditionOf({ agent: where, at }: TaskAnswer): string {
  if (where === undefined || where.condition === 'ACTIVE') return '';
  const since = where.since === undefined ? '' : ` since ${renderAge(at - where.since)}`;
  return `, which is ${where.condition.toLowerCase()}${since}`;
}

function waitText(wait: TaskWait, now: number): string {
  switch (wait.kind) {
    case 'AGENT_START':
      return 'It waits for its agent, which has said nothing of it yet.';
    case 'AGENT_BACK':
      return `It waits for its agent to come back, which may go on with it; it is given up ${until(wait.until, now)}.`;
    case 'ACKNOWLEDGEMENT': {
      const since = wait.since === undefined ? '' : `, made ${ago(wait.since, now)}`;
      return `It waits for its framework to acknowledge ${renderState(wait.of)}${since}.`;
    }
    case 'FRAMEWORK_BACK':
      return `Its framework is away since ${renderAge(now - wait.since)}; it is killed ${until(wait.until, now)} unless that comes back.`;
    case 'KILL':
      if (wait.because === 'PREEMPTION') return 'It is killed for a role that has less than its guarantee.';
      return wait.because === 'DRAIN' ? 'Its agent is being drained: it is killed.' : 'It was asked to be killed.';
  }
}

function wholeRoleLines(answer: RoleAnswer): string[] {
  const { at, role, weight, share, dominant, allocated, quota, lacks, left, members, frameworks } = answer;
  const most = dominant === undefined ? '' : ` of the ${dominant}`;
  const shown = frameworks.length < members ? `; the ${frameworks.length} that hold least` : '';
  return [
    `Role ${role}, weight ${weight}: it has ${amounts(allocated)} (${percent(share)}${most}); ${number(members, 'framework')}${shown}.`,
    ...(quota === undefined
      ? []
      : [
          `  Guaranteed ${amounts(quota.guarantees)}, of which it lacks ${amounts(lacks)}.`,
          `  Limited to ${listed(quota.limits)}; left are ${listed(left)}.`,
        ]),
    ...frameworks.flatMap((one) => [
      '',
      `${framework(one)} is ${one.condition.toLowerCase()}.`,
      ...(one.wish === undefined ? [] : [wishLine(one.wish)]),
      ...roleLines(one, one.wish, at),
    ]),
    ...holderLines(answer.holders, at),
    ...adviceLines(answer.advice, at),
  ];
}

/** With what there is nothing of. */
function listed(of: Readonly<Record<string, number>>): string {
  const parts = Object.entries(of).map(([name, amount]) => `${amount} ${name}`);
  return parts.length === 0 ? 'nothing in particular' : parts.join(', ');
}
