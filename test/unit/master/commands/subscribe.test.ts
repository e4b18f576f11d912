import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disconnectFramework } from '../../../../master/commands/disconnect-framework.ts';
import { expire } from '../../../../master/commands/expire.ts';
import type { FrameworkInfo } from '../../../../protocol/messages.ts';
import { frameworkInfo, taskFor } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, updatesIn } from '../../../support/master-world.ts';

const multiRole = (roles: string[]): Partial<FrameworkInfo> => ({ roles, capabilities: [{ type: 'MULTI_ROLE' }] });
const invalidRole = "'FrameworkInfo.roles' contains invalid role: ";

// As a real master words them (recorded).
const refusals: [string, Partial<FrameworkInfo>, string][] = [
  ['an id with a slash', { id: { value: 'a/b' } }, "'a/b' contains invalid characters"],
  [
    'role with MULTI_ROLE',
    { ...multiRole([]), role: 'a' },
    "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
  ],
  [
    'roles without MULTI_ROLE',
    { roles: ['a'] },
    "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
  ],
  ['a role twice', multiRole(['a', 'a']), "'FrameworkInfo.roles' contains duplicate items: { a }"],
  ['/a', multiRole(['/a']), `${invalidRole}Role '/a' cannot start with a slash`],
  ['a/', multiRole(['a/']), `${invalidRole}Role 'a/' cannot end with a slash`],
  ['a//b', multiRole(['a//b']), `${invalidRole}Role 'a//b' cannot contain two adjacent slashes`],
  ['-a', multiRole(['-a']), `${invalidRole}Role component '-a' is invalid because it starts with a dash`],
  [
    'a b',
    multiRole(['a b']),
    `${invalidRole}Role component 'a b' is invalid because it contains backspace or whitespace`,
  ],
  ['.', multiRole(['.']), `${invalidRole}Role '.' cannot include '.' as a component`],
  ['a/*', multiRole(['a/*']), `${invalidRole}Role 'a/*' cannot include '*' as a component`],
  ['a/../b', multiRole(['a/../b']), `${invalidRole}Role 'a/../b' cannot include '..' as a component`],
  ['the empty role', multiRole(['']), `${invalidRole}Role names cannot be the empty string`],
  ['a timeout beyond all bounds', { failover_timeout: 1e300 }, 'The framework failover_timeout (1e+300) is invalid'],
  [
    'an infinite timeout',
    { failover_timeout: Number.POSITIVE_INFINITY },
    'The framework failover_timeout (inf) is invalid',
  ],
];

describe('a SUBSCRIBE is refused in the words of Mesos for', () => {
  for (const [what, info, refusal] of refusals) {
    test(what, () => {
      const world = new MasterWorld();
      assert.deepEqual(world.subscription({ ...frameworkInfo(), ...info }), { refusal });
      assert.equal(world.state.frameworks.size, 0);
    });
  }

  test('suppressed roles that are not among its roles', () => {
    const refusal = 'Suppressed roles { b } are not contained in the set of roles';
    assert.deepEqual(new MasterWorld().subscription({ ...frameworkInfo(), ...multiRole(['a']) }, ['b']), { refusal });
  });

  test('offer filters that ask for nothing, or for less', () => {
    const refusalOf = (quantities: Record<string, { value: number }>) => {
      const min_allocatable_resources = { quantities: [{ quantities }] };
      const info = { ...frameworkInfo(), offer_filters: { '*': { min_allocatable_resources } } };
      const subscription = new MasterWorld().subscription(info);
      return 'refusal' in subscription ? subscription.refusal : undefined;
    };
    assert.equal(refusalOf({}), "'FrameworkInfo.offer_filters' of role '*' has empty resource quantities");
    assert.equal(
      refusalOf({ cpus: { value: -1 } }),
      "'FrameworkInfo.offer_filters' of role '*' has an invalid quantity for 'cpus': -1",
    );
    assert.equal(refusalOf({ cpus: { value: 1 } }), undefined);
  });

  test('roles that are not among --roles, but for *', () => {
    const world = new MasterWorld({ roles: ['a'] });
    const info = (...roles: string[]) => frameworkInfo({ roles, capabilities: ['MULTI_ROLE'] });
    assert.deepEqual(world.subscription(info('a', 'zz', 'b')), {
      refusal: "Roles { zz, b } are not present in the master's --roles",
    });
    assert.ok('framework' in world.subscription(info('a', '*')));
  });

  test('the user root with --no-root_submissions', () => {
    const world = new MasterWorld({ rootSubmissions: false });
    assert.deepEqual(world.subscription(frameworkInfo()), {
      refusal: "User 'root' is not allowed to run frameworks without --root_submissions set",
    });
    assert.ok('framework' in world.subscription({ ...frameworkInfo(), user: 'nobody' }));
  });

  test('several reasons at once: the FrameworkInfo comes first, then what the master does not take, then the rest', () => {
    const world = new MasterWorld({ rootSubmissions: false, roles: [] });
    const refusal = (info: FrameworkInfo) => {
      const subscription = world.subscription(info, ['q']);
      return 'refusal' in subscription ? subscription.refusal : undefined;
    };
    assert.match(refusal({ ...frameworkInfo({ role: '/' }), failover_timeout: 1e300 }) ?? '', /not a valid role/);
    assert.match(refusal({ ...frameworkInfo({ role: 'a' }), failover_timeout: 1e300 }) ?? '', /failover_timeout/);
    assert.match(refusal(frameworkInfo({ role: 'a' })) ?? '', /--roles/);
    assert.match(refusal(frameworkInfo()) ?? '', /root_submissions/);
    assert.match(refusal({ ...frameworkInfo(), user: 'nobody' }) ?? '', /Suppressed roles/);
  });

  test('the id of a framework that was removed', () => {
    const world = new MasterWorld();
    const id = world.framework();
    world.call(id, { type: 'TEARDOWN' });
    assert.deepEqual(world.subscription(frameworkInfo({ id })), { refusal: 'Framework has been removed' });
  });

  test('another principal than before', () => {
    const world = new MasterWorld();
    const id = world.framework();
    const refusal = "Changing framework's principal is not allowed.";
    assert.deepEqual(world.subscription({ ...frameworkInfo({ id }), principal: 'p' }), { refusal });
    assert.equal(world.known(id).info.principal, undefined);
  });
});

describe('a SUBSCRIBE that is taken', () => {
  test('is greeted with SUBSCRIBED and a HEARTBEAT at once', () => {
    const world = new MasterWorld();
    const id = world.framework();
    const [subscribed, heartbeat, ...more] = eventsIn(world.take(), id);
    assert.equal(subscribed?.subscribed?.framework_id.value, 'M-0000');
    assert.equal(subscribed?.subscribed?.heartbeat_interval_seconds, 15);
    assert.equal(subscribed?.subscribed?.master_info?.id, 'M');
    assert.deepEqual(heartbeat, { type: 'HEARTBEAT' });
    assert.deepEqual(more, []);
  });

  test('numbers new frameworks, also those with an empty id', () => {
    const world = new MasterWorld();
    assert.deepEqual(
      [world.framework(), world.framework({ id: '' }), world.framework()],
      ['M-0000', 'M-0001', 'M-0002'],
    );
  });

  test('under an id that nobody knows keeps that id', () => {
    assert.equal(new MasterWorld().framework({ id: 'my own' }), 'my own');
  });

  test('of odd but harmless content: negative timeout, suppressed roles twice, no roles', () => {
    const world = new MasterWorld();
    world.framework({ failoverTimeout: -1 });
    world.framework({ roles: ['a'], capabilities: ['MULTI_ROLE'] }, ['a', 'a']);
    world.framework({ roles: [], capabilities: ['MULTI_ROLE'] });
    assert.equal(world.state.frameworks.size, 3);
  });
});

describe('failover', () => {
  const running = () => {
    const world = new MasterWorld();
    const agent = world.agent('cpus:4;mem:1024');
    const id = world.framework({ failoverTimeout: 60 });
    const task = world.launch(id, 't1');
    world.update(agent, id, 't1', 'TASK_RUNNING');
    const offer = world.offer(id);
    world.take();
    return { world, agent, id, task, offer };
  };

  test('tells the old subscription, ends it, and takes its offers back in silence', () => {
    const { world, id } = running();
    const subscription = world.subscription(frameworkInfo({ id, failoverTimeout: 60 }));
    assert.ok('framework' in subscription);
    assert.deepEqual(subscription.before, [
      { kind: 'sendEvent', framework: id, event: { type: 'ERROR', error: { message: 'Framework failed over' } } },
      { kind: 'endSubscription', framework: id },
    ]);
    assert.deepEqual(
      eventsIn(subscription.after).map(({ type }) => type),
      ['SUBSCRIBED', 'HEARTBEAT'],
    );
    assert.equal(world.state.offers.size, 0);
    assert.equal(world.known(id).tasks.size, 1);
    assert.equal(world.offers(id).length, 1);
  });

  test('after a disconnection has nobody to tell', () => {
    const { world, id } = running();
    world.did(disconnectFramework(world.state, world.known(id), world.now));
    const subscription = world.subscription(frameworkInfo({ id, failoverTimeout: 60 }));
    assert.deepEqual('framework' in subscription && subscription.before, []);
  });

  test('takes over a new name, and neither user nor checkpoint', () => {
    const { world, id } = running();
    world.subscription({ ...frameworkInfo({ id, name: 'renamed' }), user: 'nobody', checkpoint: true });
    const { name, user, checkpoint } = world.known(id).info;
    assert.deepEqual({ name, user, checkpoint }, { name: 'renamed', user: 'root', checkpoint: undefined });
  });

  test('replaces the suppressed roles', () => {
    const world = new MasterWorld();
    world.agent('cpus:4;mem:1024');
    const id = world.framework({}, ['*']);
    assert.deepEqual(world.offers(id), []);
    world.framework({ id });
    assert.equal(world.offers(id).length, 1);
  });

  test('in time keeps the framework; after failover_timeout it is removed with its tasks', () => {
    const { world, agent, id } = running();
    world.did(disconnectFramework(world.state, world.known(id), world.now));
    for (const known of world.state.agents.values()) known.heardAt = Number.MAX_SAFE_INTEGER;
    world.now += 59_999;
    world.did(expire(world.state, world.now));
    world.framework({ id, failoverTimeout: 60 });
    world.now += 1_000;
    world.did(expire(world.state, world.now));
    assert.equal(world.known(id).connected, true);
    world.did(disconnectFramework(world.state, world.known(id), world.now));
    world.now += 60_000;
    const effects = world.did(expire(world.state, world.now));
    assert.equal(world.state.frameworks.size, 0);
    assert.deepEqual(messagesIn(effects, agent), [{ type: 'SHUTDOWN_FRAMEWORK', framework_id: id }]);
  });

  test('without failover_timeout the framework goes with its connection', () => {
    const world = new MasterWorld();
    const id = world.framework();
    world.did(disconnectFramework(world.state, world.known(id), world.now));
    assert.deepEqual([...world.state.completedFrameworks.keys()], [id]);
  });

  test('a framework that is away is offered nothing', () => {
    const { world, id } = running();
    world.did(disconnectFramework(world.state, world.known(id), world.now));
    assert.equal(world.state.offers.size, 0);
    assert.deepEqual(world.offers(id), []);
  });
});

describe('TEARDOWN', () => {
  test('shuts the framework down on its agents, ends its stream, and records its tasks as killed', () => {
    const world = new MasterWorld();
    const agent = world.agent('cpus:4;mem:1024');
    world.agent('cpus:1;mem:64', { hostname: 'idle' });
    const id = world.framework();
    const [offer] = world.offers(id).filter(({ agent_id }) => agent_id.value === agent);
    assert.ok(offer);
    world.accept(id, [offer], [taskFor(offer, 't1', 'cpus:1;mem:64')]);
    const effects = world.call(id, { type: 'TEARDOWN' });
    assert.deepEqual(messagesIn(effects), [{ type: 'SHUTDOWN_FRAMEWORK', framework_id: id }]);
    assert.ok(effects.some(({ kind }) => kind === 'endSubscription'));
    assert.deepEqual(updatesIn(effects), [], 'nobody is there to hear of them');
    const [task] = world.state.completedFrameworks.get(id)?.completedTasks ?? [];
    assert.equal(task?.state, 'TASK_KILLED');
    assert.deepEqual(
      task?.statuses?.map(({ reason, message }) => [reason, message]),
      [['REASON_FRAMEWORK_REMOVED', `Framework ${id} removed`]],
    );
    assert.equal(world.offers(world.framework()).length, 2);
  });

  test('while an agent is away reaches it when it comes back', () => {
    const world = new MasterWorld();
    const agent = world.agent('cpus:4;mem:1024');
    const id = world.framework();
    const task = world.launch(id, 't1');
    world.call(id, { type: 'TEARDOWN' });
    world.take();
    world.agent('cpus:4;mem:1024', {
      id: agent,
      tasks: [
        {
          name: 't1',
          task_id: task.task_id,
          framework_id: { value: id },
          agent_id: task.agent_id,
          state: 'TASK_RUNNING',
          resources: task.resources ?? [],
        },
      ],
      frameworks: [frameworkInfo({ id })],
    });
    assert.ok(messagesIn(world.take(), agent).some(({ type }) => type === 'SHUTDOWN_FRAMEWORK'));
    assert.equal(world.state.frameworks.size, 0);
  });

  test('only so many removed frameworks are remembered, the oldest go first', () => {
    const world = new MasterWorld({ maxCompletedFrameworks: 2 });
    for (let count = 0; count < 4; count++) world.call(world.framework(), { type: 'TEARDOWN' });
    assert.deepEqual([...world.state.completedFrameworks.keys()], ['M-0002', 'M-0003']);
  });
});
