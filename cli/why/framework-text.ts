import type {
  AgentFinding,
  Amounts,
  FrameworkAnswer,
  FrameworkRole,
  Holder,
  Obstacle,
  ObstacleKind,
  Survey,
  Wish,
} from '../../master/why/answer.ts';
import { renderAge, renderTable } from '../format/table.ts';
import { adviceLines } from './advice-text.ts';
import { ago, amounts, framework, holder, number, percent, sitsOn, until } from './phrases.ts';

export function frameworkLines(answer: FrameworkAnswer): string[] {
  const { at, condition, since, removed_at, tasks, wish, roles } = answer;
  const end = removed_at === undefined ? '' : `, is removed ${until(removed_at, at)}`;
  const counts = [
    number(tasks.active, 'task'),
    ...(tasks.unreachable === 0 ? [] : [`${tasks.unreachable} unreachable`]),
    ...(tasks.completed === 0 ? [] : [`${tasks.completed} over`]),
  ].join(', ');
  return [
    `${framework(answer)} is ${condition.toLowerCase()} since ${renderAge(at - since)}${end}; ${counts}.`,
    ...(wish === undefined ? [] : [wishLine(wish)]),
    ...(roles.length === 0 && condition !== 'COMPLETED' ? ['It has no role: nothing is offered to it.'] : []),
    ...roles.flatMap((role) => ['', ...roleLines(role, wish, at)]),
    ...holderLines(answer.holders, at),
    ...adviceLines(answer.advice, at),
  ];
}

const sources: Record<Wish['source'], string> = {
  ASKED: 'as you ask',
  LABEL: 'as it says itself',
  OFFER_FILTERS: 'as its offer filters say',
  LOST_TASK: 'as much as the task had that it lost',
};

export function wishLine({ amounts: wanted, source, task_id }: Wish): string {
  return `It waits for ${amounts(wanted)}, ${sources[source]}${task_id === undefined ? '' : `: ${task_id}`}.`;
}

/** A framework in one of its roles. `now`: seconds since the epoch. */
export function roleLines(role: FrameworkRole, wish: Wish | undefined, now: number): string[] {
  const { ended, declined, outstanding, last_offered } = role;
  const ends = Object.entries(ended)
    .filter(([name, count]) => name !== 'tasks' && count > 0)
    .map(([name, count]) => `${count} ${name.replace('_', ' ')}`);
  const waiting = sitsOn(outstanding, now);
  return [
    `Role ${role.role}: it has ${amounts(role.allocated)} (${percent(role.share)} of the cluster)${
      role.suppressed ? ', and asked for no more (SUPPRESS)' : ''
    }.`,
    ...(waiting === '' ? [] : [`  It sits on ${waiting}: ${amounts(outstanding.amounts)}.`]),
    ...(ends.length === 0
      ? []
      : [
          `  Its offers so far: ${ends.join(', ')}${last_offered === undefined ? '' : `; the last was made ${ago(last_offered, now)}`}.`,
        ]),
    ...(declined === undefined
      ? []
      : [
          `  Declined ${number(declined.offers, 'offer')} since it began to wait, the last ${ago(declined.last, now)} for ${
            declined.refuse_seconds
          } s: largest had ${amounts(declined.largest)}.`,
        ]),
    ...passedOver(role, now),
    ...surveyLines(role.survey, wish, now),
  ];
}

function passedOver({ passed_over, survey }: FrameworkRole, now: number): string[] {
  if (passed_over.length === 0) return [];
  const hosts = new Map(survey.nearest.map(({ agent_id, hostname }) => [agent_id, hostname]));
  const parts = passed_over.map(
    ({ kind, times, since, agent_id }) =>
      `${times} × ${kind.toLowerCase().replace('_', ' ')} since ${renderAge(now - since)}, last ${hosts.get(agent_id) ?? agent_id}`,
  );
  return [`  Passed over since it was last given something: ${parts.join('; ')}.`];
}

const summaries: Record<ObstacleKind, string> = {
  NOTHING: 'come with the next allocation',
  OFFERED: 'have been offered to it',
  FILTERED: 'are filtered: it declined what is free there',
  RECOVERY: 'wait until more agents are back with the new master',
  ORDER: 'go to others first',
  SUPPRESSED: 'are not offered: it asked for no more',
  INACTIVE: 'are not offered: it is not connected',
  UNKNOWN_ROLE: 'are not offered: it does not have the role any more',
  LIMIT: "are beyond its role's limit",
  HEADROOM: "are kept for other roles' guarantees",
  CONSTRAINTS: 'are excluded by its offer constraints',
  GPU: 'are kept for frameworks with GPU_RESOURCES',
  REGION: 'are in other regions',
  DEACTIVATED: 'are deactivated',
  DRAINED: 'are drained',
  DRAINING: 'are being drained',
  DISCONNECTED: 'are disconnected',
  TOO_SMALL: 'have too little free',
  MINIMUM: 'have less free than an offer is worth',
  NOTHING_FREE: 'have nothing free',
};

function surveyLines({ agents, examined, reasons, nearest }: Survey, wish: Wish | undefined, now: number): string[] {
  if (agents === 0) return ['  There are no agents.'];
  const all = examined < agents ? `${examined} of ${agents} agents, evenly chosen` : number(agents, 'agent');
  const parts = reasons.map(({ kind, agents: count }) => `${count} ${summaries[kind]}`);
  const rows = nearest.map((finding) => [
    finding.hostname,
    [amounts(finding.free), ...missing(finding, wish)].join(', '),
    ...(wish === undefined ? [] : [amounts(finding.lacks)]),
    why(finding, now),
  ]);
  const headings = ['HOST', 'FREE', ...(wish === undefined ? [] : ['LACKS']), 'WHY'];
  return [`  Of ${all}: ${parts.join('; ')}.`, ...indented(renderTable(headings, rows))];
}

/** `no disk`: what is waited for and not there at all. */
function missing({ free }: AgentFinding, wish: Wish | undefined): string[] {
  if (Object.keys(free).length === 0) return [];
  return Object.keys(wish?.amounts ?? {}).flatMap((name) => (name in free ? [] : [`no ${name}`]));
}

function why({ obstacle, too_small, total, held_by }: AgentFinding, now: number): string {
  const isOccupied = ['TOO_SMALL', 'NOTHING_FREE', 'MINIMUM'].includes(obstacle.kind);
  const held = isOccupied ? held_by.slice(0, 2).map(holder) : [];
  const more = isOccupied && held_by.length > held.length ? [`${held_by.length - held.length} more`] : [];
  const size = too_small ? [`too small even when empty: ${amounts(total)}`] : [];
  return [...(isOccupied && too_small ? [] : [sentence(obstacle, now)]), ...size, ...held, ...more].join('; ');
}

function sentence(obstacle: Obstacle, now: number): string {
  switch (obstacle.kind) {
    case 'FILTERED':
      return `filtered, ends ${until(obstacle.until, now)}`;
    case 'OFFERED':
      return `offered to it ${ago(obstacle.since, now)}`;
    case 'ORDER':
      return `${obstacle.before.framework} comes first, of ${obstacle.ahead}`;
    case 'LIMIT':
      return `the limit of role ${obstacle.role} leaves ${zeros(obstacle.left)}`;
    case 'HEADROOM':
      return `kept for ${Object.entries(obstacle.lacking)
        .map(([role, lacks]) => `role ${role}, which lacks ${amounts(lacks)}`)
        .join(', ')}`;
    case 'DISCONNECTED':
      return `disconnected ${ago(obstacle.since, now)}, unreachable ${until(obstacle.until, now)}`;
    case 'RECOVERY':
      return `a new master waits for ${number(obstacle.missing, 'agent')}; it ends ${until(obstacle.until, now)}`;
    case 'TOO_SMALL':
      return 'too little free';
    case 'NOTHING':
      return 'next allocation';
    default:
      return obstacle.kind.toLowerCase().replace('_', ' ');
  }
}

/** With what nothing is left of. */
function zeros(left: Amounts): string {
  return Object.entries(left)
    .map(([name, amount]) => `${amount} ${name}`)
    .join(', ');
}

export function holderLines(holders: readonly Holder[], now: number): string[] {
  if (holders.length === 0) return [];
  const rows = holders.map((one) => [
    one.framework,
    one.framework_id,
    one.role,
    percent(one.share),
    amounts(one.allocated),
    sitsOn(one.outstanding, now),
  ]);
  return [
    '',
    'Who holds most:',
    ...indented(renderTable(['FRAMEWORK', 'ID', 'ROLE', 'SHARE', 'HOLDS', 'UNANSWERED'], rows)),
  ];
}

function indented(table: string): string[] {
  return table
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}
