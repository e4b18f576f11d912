import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { reasons } from './known-differences.ts';
import { OwnCluster } from './own-cluster.ts';
import { reportDifferences } from './report.ts';
import { paces, runAtPaces } from './session-run.ts';
import { sessions } from './sessions.ts';

/** Milliseconds for all sessions together, on a machine that is ten times as busy as it should be. */
const timeout = 900_000;

describe('a recorded session of a real master and agent agrees, but for the known differences', {
  concurrency: 2,
  timeout,
}, () => {
  for (const [name, session] of Object.entries(sessions)) {
    test(name, async (context) => {
      const { judged, pace } = await runAtPaces((speed) => OwnCluster.start(session, speed), session);
      if (pace !== paces[0])
        context.diagnostic(`replayed at ${pace} times the recorded pace, as it differed at ${paces[0]}`);
      const different = judged.filter(({ verdict }) => verdict === 'differs');
      assert.equal(different.length, 0, `\n${reportDifferences(different)}`);
    });
  }
});

test('each reason for a difference is explained to users', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/compatibility.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (on purpose|not yet) \|/gm)].map(([, id, kind]) => [id, kind]);
  assert.deepEqual(Object.fromEntries(rows), { ...reasons });
});
