import type { Difference } from './comparison.ts';
import { explain, type Reason, reasons } from './known-differences.ts';
import { replayRaw } from './raw-replay.ts';
import { isRaw, readRecording } from './recording.ts';
import { type Outcome, Replay } from './replay.ts';
import type { Session } from './sessions.ts';
import type { Subject } from './subject.ts';

export type Verdict = 'agrees' | 'on purpose' | 'not covered' | 'differs';

/** An outcome, judged. */
export interface Judged extends Outcome {
  verdict: Verdict;
  explained: { difference: Difference; reason: Reason | undefined }[];
}

/** How many times faster than the recording's the time of a cluster of our own runs. What differs is replayed at the next pace. */
export const paces: readonly number[] = [10, 3];

/** Replays at one pace after the other, until nothing differs. */
export async function runAtPaces(
  open: (pace: number) => Promise<Subject & { close(): Promise<void> }>,
  session: Session,
  speeds = paces,
): Promise<{ judged: Judged[]; pace: number }> {
  for (const [index, pace] of speeds.entries()) {
    const subject = await open(pace);
    try {
      const judged = await runSession(session, subject);
      if (index === speeds.length - 1 || !judged.some(({ verdict }) => verdict === 'differs')) return { judged, pace };
    } finally {
      await subject.close();
    }
  }
  throw new Error('There is no pace to replay at');
}

export async function runSession(session: Session, subject: Subject): Promise<Judged[]> {
  const lines = session.files.flatMap(readRecording);
  const raw: Outcome[] = [];
  for (const line of lines.filter(isRaw)) raw.push(await replayRaw(line, subject));
  const outcomes = [...raw, ...(await new Replay(lines, subject, session).run())];
  return outcomes.map(judge);
}

function judge(outcome: Outcome): Judged {
  const { file, name, differences, unsent } = outcome;
  const explained = differences.map((difference) => ({ difference, reason: explain(file, name, difference) }));
  const kinds = explained.map(({ reason }) => (reason === undefined ? 'differs' : reasons[reason]));
  const verdict = kinds.includes('differs')
    ? 'differs'
    : kinds.includes('not yet') || (unsent !== undefined && kinds.length === 0)
      ? 'not covered'
      : kinds.length > 0
        ? 'on purpose'
        : 'agrees';
  return { ...outcome, verdict, explained };
}
