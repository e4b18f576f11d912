import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { reasons } from './known-differences.ts';
import { OwnCluster } from './own-cluster.ts';
import { reportDifferences } from './report.ts';
import { runSession } from './session-run.ts';
import { sessions } from './sessions.ts';

/** How many times faster than the recording's the clock of the cluster runs. */
const speed = 10;

describe('a recorded session of a real master and agent agrees, but for the known differences', {
  concurrency: 2,
}, () => {
  for (const [name, session] of Object.entries(sessions)) {
    test(name, async () => {
      const cluster = await OwnCluster.start(session, speed);
      try {
        const judged = await runSession(session, cluster);
        const different = judged.filter(({ verdict }) => verdict === 'differs');
        assert.equal(different.length, 0, `\n${reportDifferences(different)}`);
      } finally {
        await cluster.close();
      }
    });
  }
});

test('each reason for a difference is explained to users', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/compatibility.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (on purpose|not yet) \|/gm)].map(([, id, kind]) => [id, kind]);
  assert.deepEqual(Object.fromEntries(rows), { ...reasons });
});
