import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endExecutor } from '../../../../master/commands/executors.ts';
import type { Effect } from '../../../../master/effects.ts';
import type { AgentId, FrameworkId } from '../../../../protocol/ids.ts';
import type { ExecutorInfo, OfferOperation, Resource, TaskInfo } from '../../../../protocol/messages.ts';
import { assertInvariants } from '../../../support/master-invariants.ts';
import { resourcesOf, sortedText, taskFor } from '../../../support/master-messages.ts';
import { eventsIn, MasterWorld, messagesIn, statusesIn } from '../../../support/master-world.ts';

class Room {
  readonly world = new MasterWorld();
  readonly agent: AgentId = this.world.agent('cpus:4;mem:1024;disk:100');
  readonly framework: FrameworkId = this.world.framework({ role: 'a' });

  accept(...operations: OfferOperation[]): readonly Effect[] {
    this.world.now += 10_000;
    const offer = this.world.offer(this.framework);
    const effects = this.world.call(this.framework, { type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
    assertInvariants(this.world.state, this.world.allocator);
    return effects;
  }

  task(id: string, change: Partial<TaskInfo> = {}): TaskInfo {
    return { ...taskFor({ agent_id: { value: this.agent } }, id, 'cpus:1;mem:64'), ...change };
  }

  under(executor: ExecutorInfo, id: string): TaskInfo {
    const { command: _command, ...task } = this.task(id, { executor });
    return task;
  }

  launch(...tasks: TaskInfo[]): readonly Effect[] {
    return this.accept({ type: 'LAUNCH', launch: { task_infos: tasks } });
  }

  group(executor: ExecutorInfo, ...tasks: TaskInfo[]): readonly Effect[] {
    return this.accept({ type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks } } });
  }

  free(): string {
    this.world.now += 10_000;
    const [offer] = this.world.offers(this.framework);
    const text = sortedText((offer?.resources ?? []).map(({ role: _role, ...rest }) => rest));
    if (offer !== undefined) this.world.call(this.framework, { type: 'DECLINE', decline: { offer_ids: [offer.id] } });
    return text;
  }
}

const custom = (change: Partial<ExecutorInfo> = {}): ExecutorInfo => ({
  executor_id: { value: 'e' },
  command: { value: 'run' },
  resources: resourcesOf('cpus:0.5;mem:32'),
  ...change,
});

const refusals = (effects: readonly Effect[]) => statusesIn(effects).map(({ message = '' }) => message.split('\n')[0]);

describe('an executor', () => {
  test('is charged once, however many tasks it runs, and offers name it', () => {
    const room = new Room();
    assert.deepEqual(refusals(room.launch(room.under(custom(), 't1'), room.under(custom(), 't2'))), []);
    assert.equal(room.free(), 'cpus:1.5; disk:100; mem:864');
    assert.deepEqual(refusals(room.launch(room.under(custom(), 't3'))), []);
    assert.equal(room.free(), 'cpus:0.5; disk:100; mem:800');
    room.world.now += 10_000;
    assert.deepEqual(room.world.offer(room.framework).executor_ids, [{ value: 'e' }]);
    assert.equal(room.world.known(room.framework).tasks.values().next().value?.executor_id?.value, 'e');
  });

  test('reaches the agent with the id of its framework and the role of the offer', () => {
    const room = new Room();
    const [message] = messagesIn(room.launch(room.under(custom(), 't1')));
    const executor = message?.type === 'RUN_TASK' ? message.task.executor : undefined;
    assert.equal(executor?.framework_id?.value, room.framework);
    assert.ok(executor?.resources?.every(({ allocation_info }) => allocation_info?.role === 'a'));
  });

  test('that is there already must be meant as it is', () => {
    const room = new Room();
    room.launch(room.under(custom(), 't1'));
    const effects = room.launch(room.under(custom({ command: { value: 'other' } }), 't2'));
    assert.deepEqual(refusals(effects), [
      'ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.',
    ]);
  });

  test('gives its resources back when it ends, and its framework hears of it', () => {
    const room = new Room();
    room.launch(room.under(custom(), 't1'));
    room.world.update(room.agent, room.framework, 't1', 'TASK_FINISHED');
    const exit = { framework_id: room.framework, executor_id: 'e', status: 256 };
    const [event] = eventsIn(endExecutor(room.world.state, room.agent, exit, room.world.now));
    assert.deepEqual(event?.failure, { agent_id: { value: room.agent }, executor_id: { value: 'e' }, status: 256 });
    assert.equal(room.free(), 'cpus:4; disk:100; mem:1024');
    assert.deepEqual(endExecutor(room.world.state, room.agent, exit, room.world.now), []);
  });

  test('together with its task must fit into the offer', () => {
    const room = new Room();
    const effects = room.launch(room.under(custom({ resources: resourcesOf('cpus:3.5') }), 't1'));
    assert.match(refusals(effects)[0] ?? '', /^Total resources cpus\(allocated: a\):4.5; /);
    assert.equal(room.free(), 'cpus:4; disk:100; mem:1024');
  });
});

describe('a task group', () => {
  const pod = (room: Room, change: Partial<ExecutorInfo> = {}): ExecutorInfo => ({
    type: 'DEFAULT',
    executor_id: { value: 'pod' },
    framework_id: { value: room.framework },
    resources: resourcesOf('cpus:0.1;mem:32;disk:10'),
    ...change,
  });

  test('goes to the agent as one', () => {
    const room = new Room();
    const effects = room.group(pod(room), room.task('t1'), room.task('t2'));
    const [message, ...others] = messagesIn(effects);
    assert.equal(others.length, 0);
    assert.ok(message?.type === 'RUN_TASK_GROUP');
    assert.deepEqual(
      message.tasks.map(({ task_id }) => task_id.value),
      ['t1', 't2'],
    );
    assert.equal(room.free(), 'cpus:1.9; disk:90; mem:864');
    room.group(pod(room), room.task('t3'));
    assert.equal(room.free(), 'cpus:0.9; disk:90; mem:800');
  });

  const docker = { type: 'DOCKER' as const, docker: { image: 'i' } };
  const own = { type: 'MESOS' as const, linux_info: { share_cgroups: false } };
  const gpu: Resource = { name: 'gpus', type: 'SCALAR', scalar: { value: 0.5 } };
  const invalid: [string, Partial<ExecutorInfo>, Partial<TaskInfo>, string][] = [
    ['an executor without type', { type: undefined }, {}, "'ExecutorInfo.type' must be set"],
    ['an executor of nobody', { framework_id: undefined }, {}, "'ExecutorInfo.framework_id' must be set"],
    [
      'too little cpu',
      { resources: resourcesOf('cpus:0.001;mem:32;disk:1') },
      {},
      "Executor 'pod' uses less CPUs (0.001) than the minimum required (0.01)",
    ],
    [
      'no memory',
      { resources: resourcesOf('cpus:0.1;disk:1') },
      {},
      "Executor 'pod' uses less memory (None) than the minimum required (32MB)",
    ],
    ['no disk', { resources: resourcesOf('cpus:0.1;mem:32') }, {}, "Executor 'pod' uses no disk"],
    [
      'a command of the default executor',
      { command: { value: 'x' } },
      {},
      "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
    ],
    [
      'a Docker container',
      {},
      { container: docker },
      "Task 't2' is invalid: Docker ContainerInfo is not supported on the task",
    ],
    [
      'an executor of its own',
      {},
      { executor: custom() },
      "Task 't2' is invalid: The `ExecutorInfo` of task 't2' is different from executor 'pod'",
    ],
    [
      'half a GPU',
      {},
      { resources: [gpu] },
      "Task 't2' is invalid: Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer",
    ],
    [
      'limits in a shared cgroup',
      {},
      { limits: { cpus: { value: 2 } } },
      "Task 't2' is invalid: Resource limits may only be set for tasks within a task group when 'share_cgroups' is set to 'false'",
    ],
    [
      'cgroups shared by some',
      {},
      { container: own },
      "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor",
    ],
    ['one id twice', {}, { task_id: { value: 't1' } }, "Task 't1' is invalid: Task has duplicate ID: t1"],
    [
      'more than there is',
      {},
      { resources: resourcesOf('cpus:9') },
      'Total resources cpus(allocated: a):10.1; mem(allocated: a):96; disk(allocated: a):10 required by task group and its executor are more than available cpus(allocated: a):4; mem(allocated: a):1024; disk(allocated: a):100',
    ],
  ];

  for (const [what, executor, task, text] of invalid) {
    test(`with ${what} runs not at all`, () => {
      const room = new Room();
      const effects = room.group(pod(room, executor), room.task('t1'), room.task('t2', task));
      assert.deepEqual(refusals(effects), [text, text]);
      assert.deepEqual(
        statusesIn(effects).map(({ state, reason }) => `${state} ${reason}`),
        ['TASK_ERROR REASON_TASK_GROUP_INVALID', 'TASK_ERROR REASON_TASK_GROUP_INVALID'],
      );
      assert.deepEqual(messagesIn(effects), []);
      assert.equal(room.free(), 'cpus:4; disk:100; mem:1024');
    });
  }

  test('ends with its framework, and its agent is told', () => {
    const room = new Room();
    room.group(pod(room), room.task('t1'));
    const uuid = room.world.update(room.agent, room.framework, 't1', 'TASK_FINISHED');
    room.world.acknowledge(room.framework, room.agent, 't1', uuid);
    const effects = room.world.call(room.framework, { type: 'TEARDOWN' });
    assert.deepEqual(
      messagesIn(effects).map(({ type }) => type),
      ['SHUTDOWN_FRAMEWORK'],
    );
    assertInvariants(room.world.state, room.world.allocator);
  });
});

test('the type of a health check is inferred from its only member', () => {
  const room = new Room();
  const [message] = messagesIn(room.launch(room.task('t1', { health_check: { http: { port: 80 } } })));
  assert.equal(message?.type === 'RUN_TASK' ? message.task.health_check?.type : undefined, 'HTTP');
});
