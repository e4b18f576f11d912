import type { Difference } from './comparison.ts';
import { explain, type Reason, reasons } from './known-differences.ts';
import { replayRaw } from './raw-replay.ts';
import { isRaw, readRecording } from './recording.ts';
import { type Outcome, Replay, type Subject } from './replay.ts';
import type { Session } from './sessions.ts';

export type Verdict = 'agrees' | 'on purpose' | 'not covered' | 'differs';

/** An outcome, judged. */
export interface Judged extends Outcome {
  verdict: Verdict;
  explained: { difference: Difference; reason: Reason | undefined }[];
}

export async function runSession(session: Session, subject: Subject): Promise<Judged[]> {
  const lines = session.files.flatMap(readRecording);
  const raw: Outcome[] = [];
  for (const line of lines.filter(isRaw)) raw.push(await replayRaw(line, subject.addresses));
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
