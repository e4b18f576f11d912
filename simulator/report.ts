import { fraction, type Sample } from './census.ts';
import type { Outcome, RoleOutcome } from './run.ts';
import { percent, span, table } from './table.ts';

const mostRows = 20;
const mostRoles = 6;

/** What came of a run, for people: a line of what it was, the cluster over time, and the roles. */
export function report(outcome: Outcome): string {
  return [heading(outcome), overTime(outcome), byRole(outcome.roles)].join('\n');
}

function heading({ scenario, seed, events, roles }: Outcome): string {
  const agents = scenario.agents.reduce((sum, { count }) => sum + count, 0);
  const frameworks = scenario.frameworks.reduce((sum, { count }) => sum + count, 0);
  const { roleSorter, frameworkSorter } = scenario.master;
  const finished = roles.reduce((sum, role) => sum + role.finished, 0);
  return [
    `${scenario.name}: ${scenario.about}`,
    `${count(agents, 'agent')}, ${count(frameworks, 'framework')} in ${count(roles.length, 'role')}, ${span(scenario.until)}; seed ${seed}; sorters ${roleSorter} (roles) and ${frameworkSorter} (frameworks)`,
    `${finished} tasks finished in ${events} events`,
    '',
  ].join('\n');
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** Roles with the largest shares have columns of their own. */
function overTime({ samples, roles }: Outcome): string {
  const shown = roles
    .toSorted((a, b) => b.meanShare - a.meanShare)
    .slice(0, mostRoles)
    .map(({ role }) => role);
  const headings = ['TIME', 'CPUS', 'MEM', 'IN OFFERS', 'RUNNING', 'WAITING', 'FAIRNESS', ...shown];
  const step = Math.ceil(samples.length / mostRows);
  const rows = samples
    .filter((_, index) => (index + 1) % step === 0)
    .map((sample) => [
      span(sample.at),
      percent(fraction(sample.used, sample.total, 'cpus')),
      percent(fraction(sample.used, sample.total, 'mem')),
      percent(inOffers(sample)),
      String(sample.running),
      String(sample.waiting),
      sample.fairness === undefined ? '-' : sample.fairness.toFixed(3),
      ...shown.map((role) => percent(sample.roles.get(role)?.share ?? 0)),
    ]);
  return table(headings, rows);
}

function inOffers({ offered, total }: Sample): number {
  return Math.max(fraction(offered, total, 'cpus'), fraction(offered, total, 'mem'));
}

function byRole(roles: readonly RoleOutcome[]): string {
  const headings = [
    'ROLE',
    'FRAMEWORKS',
    'WEIGHT',
    'MEAN SHARE',
    'FINISHED',
    'LOST',
    'WAITING',
    'WAIT P50',
    'WAIT P99',
  ];
  return table(
    headings,
    roles.map((role) => [
      role.role,
      String(role.frameworks),
      String(role.weight),
      percent(role.meanShare),
      String(role.finished),
      String(role.lost),
      String(role.waiting),
      role.waitMedian === undefined ? '-' : span(role.waitMedian),
      role.wait99 === undefined ? '-' : span(role.wait99),
    ]),
  );
}

/** The same for programs: shares and fractions from 0 to 1, times in seconds. */
export function reportJson({ scenario, seed, events, roles, samples }: Outcome): string {
  const document = {
    scenario: scenario.name,
    seed,
    until: scenario.until,
    role_sorter: scenario.master.roleSorter,
    framework_sorter: scenario.master.frameworkSorter,
    events,
    roles: roles.map((role) => ({
      role: role.role,
      weight: role.weight,
      frameworks: role.frameworks,
      mean_share: rounded(role.meanShare),
      finished: role.finished,
      lost: role.lost,
      running: role.running,
      waiting: role.waiting,
      wait_p50: role.waitMedian,
      wait_p99: role.wait99,
    })),
    samples: samples.map((sample) => ({
      at: sample.at,
      cpus: rounded(fraction(sample.used, sample.total, 'cpus')),
      mem: rounded(fraction(sample.used, sample.total, 'mem')),
      in_offers: rounded(inOffers(sample)),
      running: sample.running,
      waiting: sample.waiting,
      fairness: sample.fairness === undefined ? null : rounded(sample.fairness),
      shares: Object.fromEntries([...sample.roles].map(([role, { share }]) => [role, rounded(share)])),
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
