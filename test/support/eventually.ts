import { setTimeout as pause } from 'node:timers/promises';

const patienceMs = 60_000;
const betweenMs = 50;

/** What a question throws when asking again is of no use. */
export class Hopeless extends Error {}

/**
 * Asks again and again until the answer is neither undefined nor false, and resolves with it. A question that throws is asked
 * again too. Fails after a minute, with what was waited for and the last error.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  let problem: unknown;
  for (let waited = 0; waited < patienceMs; waited += betweenMs) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      problem = undefined;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      problem = error;
    }
    await pause(betweenMs);
  }
  throw new Error(`It never came true: ${what}`, { cause: problem });
}
