import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Resource, TaskInfo } from '../../../../protocol/messages.ts';
import { taskFor } from '../../../support/master-messages.ts';
import { MasterWorld, messagesIn, statusesIn } from '../../../support/master-world.ts';

const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value } });

/** The answer to a LAUNCH of a task that differs from a good one in this; undefined when it runs. */
function answer(change: Partial<TaskInfo> & { id?: string }): string | undefined {
  const world = new MasterWorld();
  world.agent('cpus:4;mem:1024;ports:[31000-31009]');
  const framework = world.framework({ role: 'inv' });
  const offer = world.offer(framework);
  const { id = 't1', ...rest } = change;
  const task = { ...taskFor(offer, id, 'cpus:0.1;mem:32'), ...rest };
  if ('command' in change && change.command === undefined) delete task.command;
  const effects = world.accept(framework, [offer], [task]);
  const [status] = statusesIn(effects);
  assert.equal(messagesIn(effects).length, status === undefined ? 1 : 0);
  if (status !== undefined) assert.equal(status.reason, 'REASON_TASK_INVALID');
  return status?.message;
}

// As a real master words them (recorded), and its bounds.
const refusals: [string, Partial<TaskInfo> & { id?: string }, string][] = [
  ['an empty id', { id: '' }, 'ID must not be empty'],
  ['an id with a slash', { id: 'a/b' }, "'a/b' contains invalid characters"],
  ['an id with a backslash', { id: 'back\\slash' }, "'back\\slash' contains invalid characters"],
  ['an id with a control character', { id: 'a\u0001' }, "'a\u0001' contains invalid characters"],
  ['an id of 256 characters', { id: 'x'.repeat(256) }, 'ID must not be greater than 255 characters'],
  ['the id .', { id: '.' }, "'.' is disallowed"],
  ['the id ..', { id: '..' }, "'..' is disallowed"],
  ['another agent', { agent_id: { value: 'other' } }, 'Task uses invalid agent other while agent M-S0 is expected'],
  [
    'neither command nor executor',
    { command: undefined },
    'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
  ],
  [
    'command and executor',
    { executor: { executor_id: { value: 'e' } } },
    'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
  ],
  ['no resources', { resources: [] }, 'Task uses no resources'],
  ['only zero resources', { resources: [scalar('cpus', 0)] }, 'Task uses no resources'],
  [
    'what rounds to zero',
    { resources: [scalar('cpus', 0.0004)] },
    "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0",
  ],
  [
    'a range that ends before it begins',
    { resources: [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 5, end: 1 }] } }] },
    "Resource 'ports:[5-1]' is invalid: Invalid ranges resource: begin > end",
  ],
  [
    'a negative grace period',
    { kill_policy: { grace_period: { nanoseconds: -1 } } },
    "Task's 'kill_policy.grace_period' must be non-negative",
  ],
  [
    'a negative time limit',
    { max_completion_time: { nanoseconds: -1 } },
    "Task's `max_completion_time` must be non-negative",
  ],
  [
    'a DOCKER container without docker',
    { container: { type: 'DOCKER' } },
    "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
  ],
  [
    'a name among the parameters',
    { container: { type: 'DOCKER', docker: { image: 'i', parameters: [{ key: 'name', value: 'x' }] } } },
    "Task's `ContainerInfo` is invalid: Parameter in DockerInfo must not be 'name'",
  ],
  [
    'a volume without a source',
    { container: { type: 'MESOS', volumes: [{ container_path: '/x', mode: 'RW' }] } },
    "Task's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'",
  ],
  [
    'a variable without a value',
    { command: { value: 'true', environment: { variables: [{ name: 'A' }] } } },
    "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set",
  ],
  [
    'a secret variable without a secret',
    { command: { value: 'true', environment: { variables: [{ name: 'A', type: 'SECRET' }] } } },
    "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'SECRET' must have a secret set",
  ],
  [
    'a limit below the request',
    { limits: { cpus: { value: 0.05 } } },
    'The cpu limit must be greater than or equal to the cpu request',
  ],
  [
    'a limit of something else',
    { limits: { disk: { value: 1 } } },
    "Only cpus and mem may be included in a task's resource limits",
  ],
  [
    'half a GPU',
    { resources: [scalar('cpus', 0.1), scalar('gpus', 0.5)] },
    "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer",
  ],
  [
    'ports that were not offered',
    {
      resources: [
        scalar('cpus', 0.1),
        scalar('mem', 32),
        { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 5, end: 6 }] } },
      ],
    },
    'Total resources cpus(allocated: inv):0.1; mem(allocated: inv):32; ports(allocated: inv):[5-6] required by task and its executor is more than available ports(allocated: inv):[31000-31009]; cpus(allocated: inv):4; mem(allocated: inv):1024',
  ],
  [
    'resources of another role',
    { resources: [{ ...scalar('cpus', 0.1), allocation_info: { role: 'zzz' } }] },
    'Total resources cpus(allocated: zzz):0.1 required by task and its executor is more than available ports(allocated: inv):[31000-31009]; cpus(allocated: inv):4; mem(allocated: inv):1024',
  ],
  [
    'an executor without a command',
    { command: undefined, executor: { executor_id: { value: 'e' } } },
    "'ExecutorInfo.command' must be set",
  ],
  [
    'the default executor',
    { command: undefined, executor: { type: 'DEFAULT', executor_id: { value: 'e' } } },
    "'DEFAULT' executor can only be used with a LAUNCH_GROUP operation",
  ],
  [
    'an executor in an unfit container',
    {
      command: undefined,
      executor: {
        executor_id: { value: 'e' },
        command: { value: 'true' },
        container: { type: 'MESOS', linux_info: { share_cgroups: true } },
      },
    },
    "Executor's `ContainerInfo` is invalid: 'linux_info.share_cgroups' must not be set to 'true'",
  ],
  [
    'a health check that says nothing of what to check',
    { health_check: { type: 'COMMAND' } },
    "Task uses invalid health check: Expecting 'command' to be set for COMMAND health check",
  ],
  [
    'a negative time in its check',
    { check: { type: 'TCP', tcp: { port: 80 }, timeout_seconds: -1 } },
    "Task uses invalid check: Expecting 'timeout_seconds' to be non-negative",
  ],
  [
    'revocable and firm resources of one name',
    { resources: [scalar('cpus', 0.1), { ...scalar('cpus', 0.1), revocable: {} }] },
    "Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the same time",
  ],
];

for (const [what, change, text] of refusals) {
  test(`a task with ${what} is refused in the words of Mesos`, () => assert.equal(answer(change), text));
}

const accepted: [string, Partial<TaskInfo> & { id?: string }][] = [
  ['an id of 255 characters', { id: 'x'.repeat(255) }],
  ['spaces and umlauts in its id', { id: 'my täsk' }],
  ['zero cpus beside memory', { resources: [scalar('cpus', 0), scalar('mem', 32)] }],
  [
    'a limit equal to the request, and an infinite one',
    { limits: { cpus: { value: 0.1 }, mem: { value: Number.POSITIVE_INFINITY } } },
  ],
  ['the role of the offer named', { resources: [{ ...scalar('cpus', 0.1), allocation_info: { role: 'inv' } }] }],
  ['all that is offered, in thousandths', { resources: [scalar('cpus', 3.9999), scalar('mem', 1024)] }],
];

for (const [what, change] of accepted) test(`a task with ${what} runs`, () => assert.equal(answer(change), undefined));
