import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOf, targetProblem } from '../../../runtime/http-routing.ts';

const table = {
  actor: 'slave(1)',
  global: new Set(['version', 'metrics', 'files']),
  paths: new Set(['/state', '/api/v1', '/api/v1/executor', '/version', '/metrics/snapshot', '/files/read', '/']),
};
const nowhere = '/ ';

const targets: [target: string, endpoint: string][] = [
  ['/state', '/state'],
  ['//state', '/state'],
  ['/state//', '/state'],
  ['/state/foo', '/state'],
  ['/state?a=b', '/state?a=b'],
  ['/state#x', '/state'],
  ['/state?a=/b#x', '/state?a=/b'],
  ['http://host:1/state?a', '/state?a'],
  ['http://host', '/'],
  ['/slave(1)/state', '/state'],
  ['/slave%281%29/state', '/state'],
  ['/slave(1)', '/'],
  ['/slave(1)/slave(1)/state', nowhere],
  ['/slave(2)/state', nowhere],
  ['/%73tate', nowhere],
  ['/STATE', nowhere],
  ['/state.json', nowhere],
  ['/%zz', nowhere],
  ['/..%2fstate', nowhere],
  ['/api', nowhere],
  ['/api/v1/operator', '/api/v1'],
  ['/api/v1/executor/', '/api/v1/executor'],
  ['/api/v2', nowhere],
  ['/version/', '/version'],
  ['/slave(1)/version', nowhere],
  ['/slave(1)/files/read', nowhere],
  ['/metrics', nowhere],
  ['/?x=1', '/?x=1'],
  ['/mesita//v1/a%20b?c', '/mesita/v1/a%20b?c'],
  [`/${'a/'.repeat(10_000)}`, nowhere],
];

for (const [target, endpoint] of targets) {
  test(`${target.slice(0, 40)} means ${endpoint}`, () => assert.equal(endpointOf(target, table), endpoint));
}

test('a target that is no path, or has a malformed query, is a problem', () => {
  assert.equal(targetProblem('*'), "Request URL path must start with '/'");
  assert.match(targetProblem('/state?x=%zz') ?? '', /^Malformed/);
  assert.match(targetProblem('/state?x=%4') ?? '', /^Malformed/);
  assert.equal(targetProblem('/state?x=%41%ff'), undefined);
  assert.equal(targetProblem('/%zz'), undefined);
});
