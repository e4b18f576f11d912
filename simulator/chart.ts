import { element, text } from './svg.ts';

/** A chart of fractions (0 to 1) over time. */
export interface Chart {
  readonly title: string;
  /** Times in seconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly until: number;
}

export interface Line {
  readonly label: string;
  readonly values: readonly number[];
}

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Colours that people who see few colours can tell apart (Okabe and Ito), and dashes for those that come again. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const dashes = ['', '7 4', '2 3'];
const labelHeight = 15;

/** Draws it at its place; labels stand to the right of the frame, at the ends of their lines. */
export function drawChart(chart: Chart, frame: Frame): string {
  const top = roundUp(Math.max(0.01, ...chart.lines.flatMap(({ values }) => values)));
  const x = (seconds: number) => frame.left + (seconds / chart.until) * frame.width;
  const y = (value: number) => frame.top + (1 - value / top) * frame.height;
  return [
    text(chart.title, { x: frame.left, y: frame.top - 12, class: 'title' }),
    ...grid(chart, frame, top, x, y),
    ...chart.lines.map((line, index) => drawLine(chart, line, index, x, y)),
    ...labels(chart, frame, y),
  ].join('');
}

function drawLine({ times }: Chart, { values }: Line, index: number, x: Scale, y: Scale): string {
  const points = values.map((value, place) => `${tidy(x(times[place] ?? 0))},${tidy(y(value))}`).join(' ');
  return element('polyline', { points, class: 'line', stroke: colourOf(index), 'stroke-dasharray': dashOf(index) });
}

type Scale = (value: number) => number;

function grid({ until }: Chart, frame: Frame, top: number, x: Scale, y: Scale): string[] {
  const [right, bottom] = [frame.left + frame.width, frame.top + frame.height];
  const shares = [0, 0.25, 0.5, 0.75, 1].map((part) => part * top);
  const { step, unit, size } = timeStep(until);
  const times = Array.from({ length: Math.floor(until / step) + 1 }, (_, index) => index * step);
  return [
    ...shares.flatMap((value) => [
      element('line', { x1: frame.left, x2: right, y1: tidy(y(value)), y2: tidy(y(value)), class: 'grid' }),
      text(`${tidy(value * 100)} %`, { x: frame.left - 8, y: tidy(y(value) + 4), class: 'tick', 'text-anchor': 'end' }),
    ]),
    ...times.flatMap((at) => [
      element('line', { x1: tidy(x(at)), x2: tidy(x(at)), y1: bottom, y2: bottom + 5, class: 'axis' }),
      text(`${tidy(at / size)} ${unit}`, { x: tidy(x(at)), y: bottom + 19, class: 'tick', 'text-anchor': 'middle' }),
    ]),
    element('line', { x1: frame.left, x2: right, y1: bottom, y2: bottom, class: 'axis' }),
  ];
}

/** Each at the height of its line's end, moved down where two would overlap. */
function labels({ lines }: Chart, frame: Frame, y: Scale): string[] {
  const wanted = lines
    .map(({ label, values }, index) => ({ label, index, at: y(values.at(-1) ?? 0) + 4 }))
    .sort((a, b) => a.at - b.at || a.index - b.index);
  const lowest = frame.top + frame.height + 4;
  let free = frame.top;
  const placed = wanted.map((label, place) => {
    const room = lowest - (wanted.length - 1 - place) * labelHeight;
    const at = Math.max(free, Math.min(label.at, room));
    free = at + labelHeight;
    return { ...label, at };
  });
  const left = frame.left + frame.width + 10;
  return placed.flatMap(({ label, index, at }) => [
    element('line', {
      ...{ x1: left, x2: left + 22, y1: tidy(at - 4), y2: tidy(at - 4), class: 'line' },
      ...{ stroke: colourOf(index), 'stroke-dasharray': dashOf(index) },
    }),
    text(label, { x: left + 28, y: tidy(at), class: 'label' }),
  ]);
}

function colourOf(index: number): string {
  return colours[index % colours.length] ?? '#000000';
}

function dashOf(index: number): string | undefined {
  return dashes[Math.floor(index / colours.length) % dashes.length] || undefined;
}

function timeStep(until: number): { step: number; unit: string; size: number } {
  const units = [
    { unit: 's', size: 1, steps: [1, 5, 10, 20] },
    { unit: 'min', size: 60, steps: [60, 120, 300, 600, 1_200] },
    { unit: 'h', size: 3_600, steps: [1_800, 3_600, 7_200, 14_400, 21_600, 43_200] },
    { unit: 'd', size: 86_400, steps: [86_400, 172_800, 604_800] },
  ];
  for (const { unit, size, steps } of units) {
    const step = steps.find((candidate) => until / candidate <= 8);
    if (step !== undefined) return { step, unit, size };
  }
  return { step: until / 4, unit: 'd', size: 86_400 };
}

function roundUp(value: number): number {
  return [0.1, 0.2, 0.4, 0.6, 0.8, 1].find((top) => value <= top * 1.001) ?? Math.ceil(value);
}

function tidy(value: number): number {
  return Math.round(value * 10) / 10;
}
