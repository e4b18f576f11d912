import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lives } from '../../../../cli/setup/stale-pid.ts';

test('a pid file is stale when its process is gone, dead and not reaped, or another one', () => {
  assert.equal(lives('4711 (containerd) S 1 4711 4711 0 -1', 'containerd'), true);
  assert.equal(lives('', 'containerd'), false);
  assert.equal(lives('4711 (containerd) Z 1 4711 4711 0 -1', 'containerd'), false);
  assert.equal(lives('4711 (node) R 1 4711 4711 0 -1', 'containerd'), false);
  assert.equal(lives('4711 (a (strange) name) S 1', 'a (strange) name'), true);
});
