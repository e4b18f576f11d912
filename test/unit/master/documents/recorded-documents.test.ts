import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentsDocument } from '../../../../master/documents/agents.ts';
import { frameworksDocument } from '../../../../master/documents/frameworks.ts';
import { rolesDocument } from '../../../../master/documents/roles.ts';
import { stateDocument } from '../../../../master/documents/state.ts';
import { stateSummaryDocument } from '../../../../master/documents/state-summary.ts';
import { tasksDocument } from '../../../../master/documents/tasks.ts';
import type { MasterState } from '../../../../master/state.ts';
import { writeV0 } from '../../../../protocol/v0-json.ts';
import { bytesOf, isExchange, readRecording } from '../../../conformance/recording.ts';
import { comparable } from '../../../support/v0-comparison.ts';
import { RecordedCluster, recordedMaster } from '../operator/recorded-cluster.ts';

function recorded(path: string, moment: string): string {
  const name = `legacy:GET ${path} [${moment}]`;
  const found = readRecording('d_master_legacy').find((line) => isExchange(line) && line.name === name);
  if (found === undefined || !isExchange(found)) throw new Error(`no ${name} was recorded`);
  return bytesOf(found.response.body).toString().replaceAll(recordedMaster, 'M');
}

const documents: Record<string, (state: MasterState) => unknown> = {
  '/state': (state) => stateDocument(state, {}),
  '/state-summary': stateSummaryDocument,
  '/slaves': (state) => agentsDocument(state, undefined),
  '/frameworks': (state) => frameworksDocument(state, undefined),
  '/tasks': (state) => tasksDocument(state, {}),
  '/roles': rolesDocument,
};

describe('of the same cluster, the unversioned endpoints tell what a real master told, to the form of each number', () => {
  for (const moment of ['empty cluster', 'tasks running']) {
    const cluster = new RecordedCluster();
    if (moment === 'tasks running') {
      cluster.subscribe();
      cluster.launch();
      cluster.update();
    }
    Object.assign(cluster.world.state.master, {
      port: 6050,
      pid: 'master@127.0.0.1:6050',
      capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
    });
    for (const [path, make] of Object.entries(documents)) {
      test(`${path}, ${moment}`, () => {
        assert.equal(comparable(writeV0(make(cluster.world.state))), comparable(recorded(path, moment)));
      });
    }
  }
});
