import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseZooKeeperUrl, shownZooKeeperUrl } from '../../../../runtime/zookeeper/zookeeper-url.ts';

test('a zk:// URL names servers, their credentials and a path', () => {
  assert.deepEqual(parseZooKeeperUrl('zk://a:1,b,[::1]:3/mesos/test/'), {
    value: {
      servers: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2181 },
        { host: '::1', port: 3 },
      ],
      credentials: undefined,
      path: '/mesos/test',
    },
  });
  assert.deepEqual(parseZooKeeperUrl('zk://user:p:a@ss@h:2181/m'), {
    value: { servers: [{ host: 'h', port: 2181 }], credentials: 'user:p:a@ss', path: '/m' },
  });
});

test('what is no zk:// URL is refused with a reason', () => {
  for (const text of [
    '',
    'zk://',
    'zk:///p',
    'zk://h',
    'zk://h/',
    'zk://h:0/p',
    'zk://h:x/p',
    'zk://h//p',
    'zk://h/a/../b',
    'zk://user@h/p',
    'h:2181/p',
  ])
    assert.ok('error' in parseZooKeeperUrl(text), text);
});

test('a password is not shown', () => {
  assert.equal(shownZooKeeperUrl('zk://user:p:a@ss@h:2181,i/m'), 'zk://user:…@h:2181,i/m');
  assert.equal(shownZooKeeperUrl('zk://h:2181,i:2181/m'), 'zk://h:2181,i:2181/m');
});
