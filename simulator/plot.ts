import { fraction } from './census.ts';
import { type Chart, drawChart } from './chart.ts';
import type { Outcome } from './run.ts';
import { picture, text } from './svg.ts';

const style = [
  '.heading{font-size:16px;font-weight:600;fill:#111}',
  '.note{font-size:12px;fill:#555}',
  '.title{font-size:13px;font-weight:600;fill:#222}',
  '.tick{font-size:11px;fill:#555}',
  '.label{font-size:12px;fill:#222}',
  '.grid{stroke:#e4e4e4}',
  '.axis{stroke:#888}',
  '.line{fill:none;stroke-width:2;stroke-linejoin:round}',
].join('');

const size = { width: 960, height: 640 };
const left = 64;
const width = 720;
const mostRoles = 12;
const longestLine = 125;

/** Shares over time by role, and below how much of the cluster is used, as an SVG document. */
export function plot(outcome: Outcome): string {
  const { scenario, seed } = outcome;
  const { roleSorter, frameworkSorter } = scenario.master;
  const heading = `${scenario.name}: roles by ${roleSorter}, frameworks by ${frameworkSorter}`;
  return picture(
    size,
    heading,
    style,
    [
      text(heading, { x: left, y: 30, class: 'heading' }),
      ...lines(`${scenario.about} (simulated, seed ${seed})`).map((line, index) =>
        text(line, { x: left, y: 50 + 16 * index, class: 'note' }),
      ),
      drawChart(shares(outcome), { left, top: 106, width, height: 240 }),
      drawChart(utilisation(outcome), { left, top: 420, width, height: 160 }),
    ].join(''),
  );
}

/** Broken at blanks. */
function lines(sentence: string): string[] {
  const broken: string[] = [];
  for (const word of sentence.split(' ')) {
    const last = broken.at(-1);
    if (last === undefined || last.length + word.length >= longestLine) broken.push(word);
    else broken[broken.length - 1] = `${last} ${word}`;
  }
  return broken;
}

function shares({ scenario, samples, roles }: Outcome): Chart {
  const largest = roles.toSorted((a, b) => b.meanShare - a.meanShare).slice(0, mostRoles);
  // In the scenario's order, so that a role has the same colour in each plot of it.
  const shown = roles.filter((role) => largest.includes(role));
  return {
    title: 'Dominant share of each role, over time',
    times: samples.map(({ at }) => at),
    until: scenario.until,
    lines: shown.map(({ role }) => ({
      label: role,
      values: samples.map((sample) => sample.roles.get(role)?.share ?? 0),
    })),
  };
}

function utilisation({ scenario, samples }: Outcome): Chart {
  return {
    title: 'Fraction of the cluster in use by tasks, and held in offers, over time',
    times: samples.map(({ at }) => at),
    until: scenario.until,
    lines: [
      { label: 'cpus', values: samples.map(({ used, total }) => fraction(used, total, 'cpus')) },
      { label: 'mem', values: samples.map(({ used, total }) => fraction(used, total, 'mem')) },
      { label: 'cpus in offers', values: samples.map(({ offered, total }) => fraction(offered, total, 'cpus')) },
    ],
  };
}
