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
      text(`${scenario.about} (simulated, seed ${seed})`, { x: left, y: 50, class: 'note' }),
      drawChart(shares(outcome), { left, top: 92, width, height: 250 }),
      drawChart(utilisation(outcome), { left, top: 420, width, height: 160 }),
    ].join(''),
  );
}

function shares({ scenario, samples, roles }: Outcome): Chart {
  const shown = roles.toSorted((a, b) => b.meanShare - a.meanShare).slice(0, mostRoles);
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
