import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidatesOf, describeCandidate, readCandidate } from '../../../../runtime/zookeeper/candidates.ts';

test('candidates are the nodes that Mesos’ masters write now, by their number; the lowest leads', () => {
  const children = [
    'json.info_0000000012',
    'log_replicas',
    'info_0000000001',
    'json.info_0000000002',
    '0000000000',
    'json.info_',
    'json.info_10000000000',
    'json.info_0000000009x',
  ];
  assert.deepEqual(candidatesOf(children), ['json.info_0000000002', 'json.info_0000000012', 'json.info_10000000000']);
  // The number overflows after two thousand million candidates.
  assert.deepEqual(candidatesOf(['json.info_0000000000', 'json.info_-2147483648']), [
    'json.info_-2147483648',
    'json.info_0000000000',
  ]);
});

test('a node tells where its master is, also where it is an older one’s', () => {
  const read = (content: object) => readCandidate('n', Buffer.from(JSON.stringify(content)));
  const address = { hostname: 'a.example', ip: '10.0.0.1', port: 5050 };
  assert.deepEqual(read({ id: 'M', ip: 1, port: 1, address }), { name: 'n', ...address });
  assert.deepEqual(read({ id: 'M', ip: 16777343, port: 5051, hostname: 'b' }), {
    name: 'n',
    hostname: 'b',
    ip: '127.0.0.1',
    port: 5051,
  });
  assert.equal(read({ id: 'M', ip: 4294967295, port: 1 })?.ip, '255.255.255.255');
  for (const content of ['', '{', 'master@127.0.0.1:5050'])
    assert.equal(readCandidate('n', Buffer.from(content)), undefined);
});

test('what a master writes is read as it was meant', () => {
  const address = { hostname: 'a', ip: '10.1.2.3', port: 5050 };
  const data = describeCandidate({ id: 'M', ip: 50462976, port: 5050, address, version: '1.11.0', domain: undefined });
  assert.equal(
    data.toString(),
    '{"address":{"hostname":"a","ip":"10.1.2.3","port":5050},"id":"M","ip":50462976,"port":5050,"version":"1.11.0"}',
  );
  assert.deepEqual(readCandidate('n', data), { name: 'n', ...address });
});
