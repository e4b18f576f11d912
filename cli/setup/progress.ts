import type { Progress } from '../../images/ports.ts';

/** The part of a terminal or pipe that progress is shown on. */
export interface ProgressOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Milliseconds before a piece of work counts as long and is shown at all. */
const briefWork = 300;
/** Milliseconds between two signs of life where there is no terminal. */
const signOfLife = 20_000;

/** Progress for people, on stderr: on a terminal one line that is redrawn each second, else a line at the start and now and then. */
export function createProgress(output: ProgressOutput): Progress {
  return {
    say: (line) => void output.write(`${line}\n`),
    during: async (what, work) => {
      const shown = output.isTTY === true ? redrawnLine(output, what) : plainLines(output, what);
      try {
        return await work(shown.detail);
      } finally {
        shown.end();
      }
    },
  };
}

/** Says nothing. */
export const silentProgress: Progress = { say: () => undefined, during: (_what, work) => work(() => undefined) };

function redrawnLine(output: ProgressOutput, what: string) {
  const start = performance.now();
  let latest = '';
  let drawn = false;
  const seconds = () => Math.floor((performance.now() - start) / 1000);
  const draw = () => {
    drawn = true;
    const line = `${what} … ${seconds()} s${latest === '' ? '' : `  ${latest}`}`;
    output.write(`\r\u001b[K${line.slice(0, (output.columns ?? 80) - 1)}`);
  };
  const first = setTimeout(draw, briefWork);
  const timer = setInterval(draw, 1000);
  return {
    detail: (text: string) => {
      latest = text;
    },
    end: () => {
      clearTimeout(first);
      clearInterval(timer);
      if (drawn) output.write(`\r\u001b[K${what}: ${seconds()} s\n`);
    },
  };
}

function plainLines(output: ProgressOutput, what: string) {
  const start = performance.now();
  let latest = '';
  const first = setTimeout(() => output.write(`${what} …\n`), briefWork);
  const timer = setInterval(() => {
    const seconds = Math.floor((performance.now() - start) / 1000);
    output.write(`${what} … ${seconds} s${latest === '' ? '' : `  ${latest}`}\n`);
  }, signOfLife);
  return {
    detail: (text: string) => {
      latest = text;
    },
    end: () => {
      clearTimeout(first);
      clearInterval(timer);
    },
  };
}
