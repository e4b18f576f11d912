import { parseArgs } from 'node:util';
import { systemClock } from '../../runtime/clock.ts';
import { OwnCluster } from './own-cluster.ts';
import { report, reportDifferences } from './report.ts';
import { type Judged, paces, runAtPaces, runSession } from './session-run.ts';
import { type Session, sessions } from './sessions.ts';

/**
 * Replays recorded sessions of a real Mesos master and agent, and says what is different.
 *
 *     node test/conformance/main.ts [--master HOST:PORT] [--agent HOST:PORT] [--file NAME] [--verbose] [--speed N]
 *
 * Without --master, on a master and an agent of mesita's in this process.
 */
const { values } = parseArgs({
  options: {
    master: { type: 'string' },
    agent: { type: 'string' },
    file: { type: 'string', multiple: true },
    verbose: { type: 'boolean', default: false },
    speed: { type: 'string' },
  },
});

const chosen = Object.values(sessions).filter(
  ({ files }) => values.file === undefined || files.some((file) => values.file?.includes(file)),
);
if (chosen.length === 0) throw new Error(`There is no recording ${values.file}`);
const judged: Judged[] = [];
for (const session of chosen) judged.push(...(await run(session)));
if (values.verbose) process.stdout.write(reportDifferences(judged));
process.stdout.write(report(judged));
process.exitCode = judged.some(({ verdict }) => verdict === 'differs') ? 1 : 0;

async function run(session: Session): Promise<Judged[]> {
  const { master, agent } = values;
  if (master !== undefined) return runSession(session, { addresses: { master, agent }, speed: 1, clock: systemClock });
  const speeds = values.speed === undefined ? paces : [Number(values.speed)];
  const { judged, pace } = await runAtPaces((speed) => OwnCluster.start(session, speed), session, speeds);
  if (pace !== speeds[0])
    process.stdout.write(
      `${session.files.join(', ')}: at ${pace} times the recorded pace, as it differed at ${speeds[0]}\n`,
    );
  return judged;
}
