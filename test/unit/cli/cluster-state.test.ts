import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentEntry, type ClusterState, findAgent } from '../../../cli/cluster-state.ts';

function clusterOf(...agents: [id: string, hostname: string][]): ClusterState {
  const slaves = agents.map(([id, hostname]) => ({ id, hostname }) as AgentEntry);
  return { id: 'M', version: '', slaves, recovered_slaves: [], frameworks: [], completed_frameworks: [] };
}

test('an agent is found by its id, its host name, or the end of its id', () => {
  const state = clusterOf(['M-S0', 'a'], ['M-S1', 'b'], ['M-S11', 'b']);
  assert.equal(findAgent(state, 'M-S1').id, 'M-S1');
  assert.equal(findAgent(state, 'a').id, 'M-S0');
  assert.equal(findAgent(state, 'S1').id, 'M-S1');
  assert.throws(() => findAgent(state, 'b'), { code: 'MESITA_AMBIGUOUS' });
  assert.throws(() => findAgent(state, '1'), { code: 'MESITA_NOT_FOUND' });
});
