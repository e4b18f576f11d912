import assert from 'node:assert/strict';
import { lstat, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ContainerStatistics } from '../../../agent/container-statistics.ts';
import type { ContainerSpec } from '../../../agent/engine/engine.ts';
import { containerMessage, getExecutors, getTasks } from '../../../agent/operator/reads.ts';
import type { ExecutorRecord } from '../../../agent/state.ts';
import type { AgentMessage } from '../../../protocol/agent-link.ts';
import type { ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus, Volume } from '../../../protocol/messages.ts';
import { AgentRoom, framework, outcomes } from '../../support/agent-room.ts';
import { frameworkInfo, resourcesOf } from '../../support/master-messages.ts';
import { onNetwork, podInfo, podTask } from '../../support/pod-messages.ts';
import { settle } from '../../support/virtual-clock.ts';

/** An agent, and all that it said so far, acknowledged. */
class PodRoom {
  readonly agent: AgentRoom;
  readonly heard: TaskStatus[] = [];
  /** What the master was told of the end of the pod. */
  end: AgentMessage | undefined;

  constructor(agent: AgentRoom) {
    this.agent = agent;
  }

  static async open(t: TestContext): Promise<PodRoom> {
    const agent = await AgentRoom.open();
    t.after(() => agent.close());
    return new PodRoom(agent);
  }

  /** With a pod whose tasks run. */
  static async running(t: TestContext, ids: string[], info = podInfo('p')): Promise<PodRoom> {
    const room = await PodRoom.open(t);
    room.group(info, ...ids.map((id) => podTask(id)));
    await room.are(...ids.map((id) => `${id} TASK_RUNNING`));
    return room;
  }

  group(executor: ExecutorInfo, ...tasks: TaskInfo[]): void {
    this.agent.performer.receive({ type: 'RUN_TASK_GROUP', framework, executor, tasks });
  }

  /** What was said of tasks, as `id state`, since the beginning. */
  async told(): Promise<string[]> {
    await settle();
    for (let sent = this.agent.sent.splice(0); sent.length > 0; sent = this.agent.sent.splice(0)) {
      for (const message of sent) {
        if (message.type === 'EXECUTOR_EXITED') this.end = message;
        if (message.type !== 'UPDATE') continue;
        this.heard.push(message.status);
        this.agent.acknowledge(message.status);
      }
    }
    return this.heard.map(({ task_id, state }) => `${task_id.value} ${state}`);
  }

  async are(...wanted: string[]): Promise<void> {
    await this.until(wanted.join(', '), (told) => wanted.every((one) => told.includes(one)));
  }

  /** Files are written in real time, all else waits for the clock. */
  private async until(what: string, holds: (told: string[]) => boolean): Promise<void> {
    let told = await this.told();
    for (let waited = 0; !holds(told); waited++) {
      assert.ok(waited < 5_000, `not ${what}, but ${told.join(', ')}: ${this.heard.at(-1)?.message}`);
      await pause(1);
      this.agent.clock.advance(100);
      told = await this.told();
    }
  }

  last(id: string): TaskStatus | undefined {
    return this.heard.findLast(({ task_id }) => task_id.value === id);
  }

  get pod(): ExecutorRecord {
    return this.agent.executor('p');
  }

  spec(name: string): ContainerSpec {
    const found = this.agent.engine.container(name);
    assert.ok(found, `no container ${name}`);
    return found.spec;
  }

  specOf(task: string): ContainerSpec {
    return this.spec(this.agent.task(task).containerName);
  }

  exit(task: string, code: number): void {
    this.agent.engine.exit(this.agent.task(task).containerName, code);
  }

  /** Waits until nothing is left of the pod; what the master was told of its end. */
  async over(): Promise<AgentMessage | undefined> {
    const { engine, state } = this.agent;
    const left = () => engine.machine.containers.size + state.tasks.size + state.executors.size;
    await this.until('the end of the pod', () => this.end !== undefined && left() === 0);
    return this.end;
  }
}

const exited = (status: number) => ({ type: 'EXECUTOR_EXITED', framework_id: 'F', executor_id: 'p', status });

describe('a group', () => {
  test('starts on receipt and runs when all of its tasks do, each with a container inside the pod’s', async (t) => {
    const room = await PodRoom.open(t);
    room.group(podInfo('p'), podTask('a'), podTask('b'));
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
    const states = await room.told();
    assert.deepEqual(states.slice(0, 2), ['a TASK_STARTING', 'b TASK_STARTING']);
    const { containerId } = room.agent.task('a');
    const { timestamp: _, uuid: __, ...running } = room.last('a') ?? {};
    assert.deepEqual(running, {
      task_id: { value: 'a' },
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      agent_id: { value: 'S' },
      executor_id: { value: 'p' },
      container_status: {
        container_id: { value: containerId, parent: { value: room.pod.containerId } },
        network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '10.0.0.1' }] }],
      },
    });
    const [starting] = room.heard;
    assert.equal(starting?.container_status?.network_infos, undefined);
    assert.equal(room.agent.engine.machine.containers.size, 2);
  });

  test('is not said to run before the slowest of its tasks does', async (t) => {
    const room = await PodRoom.open(t);
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    room.agent.fetch = () => arrival as Promise<never>;
    room.group(podInfo('p'), podTask('a'), podTask('b', { command: { value: 'x', uris: [{ value: 'http://x/y' }] } }));
    await room.agent.running('a');
    assert.deepEqual(await room.told(), ['a TASK_STARTING', 'b TASK_STARTING']);
    arrived();
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
  });

  test('has limits, labels, environment and sandbox for each of its tasks', async (t) => {
    const room = await PodRoom.open(t);
    const container = { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'fake:1' } } } } as const;
    const own = podTask('b', { resources: resourcesOf('cpus:0.5;mem:128'), container });
    room.group(podInfo('p'), podTask('a', { command: { value: 'x', user: 'nobody' } }), own);
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
    const [a, b] = [room.specOf('a'), room.specOf('b')];
    assert.deepEqual(
      [a.image, a.memoryLimit, a.cpuLimit, a.user, a.network],
      ['default:1', 64, 0.1, 'nobody', { mode: 'host' }],
    );
    assert.deepEqual([b.image, b.memoryLimit, b.cpuLimit], ['fake:1', 128, 0.5]);
    const { containerId, sandbox } = room.pod;
    const record = room.agent.task('a');
    assert.deepEqual(a.labels, {
      'org.mesita.agent': 'S',
      'org.mesita.framework': 'F',
      'org.mesita.executor': 'p',
      'org.mesita.task': 'a',
      'org.mesita.container': record.containerId,
      'org.mesita.parent': containerId,
    });
    assert.equal(a.environment.MESOS_EXECUTOR_ID, 'p');
    assert.equal(record.sandbox, join(sandbox, 'containers', record.containerId));
    assert.deepEqual(a.mounts.at(-1), {
      kind: 'bind',
      hostPath: record.sandbox,
      containerPath: '/mnt/mesos/sandbox',
      readOnly: false,
    });
    assert.equal(await readlink(join(sandbox, 'tasks/a')), `../containers/${record.containerId}`);
    assert.equal(await readlink(join(sandbox, '../latest')), containerId);
  });

  test('joins others in the same pod, and does not end with them', async (t) => {
    const room = await PodRoom.running(t, ['a']);
    room.group(podInfo('p'), podTask('b'), podTask('c'));
    await room.are('b TASK_RUNNING', 'c TASK_RUNNING');
    room.exit('b', 3);
    await room.are('b TASK_FAILED', 'c TASK_KILLED');
    assert.equal(room.agent.task('a').state, 'TASK_RUNNING');
    room.exit('a', 0);
    assert.deepEqual(await room.over(), exited(0));
  });

  test('that arrives twice is run once', async (t) => {
    const room = await PodRoom.running(t, ['a', 'b']);
    room.group(podInfo('p'), podTask('a'), podTask('b'));
    await settle();
    assert.equal(room.agent.engine.machine.containers.size, 2);
  });

  test('for a pod that the master counts on and that is over is dropped', async (t) => {
    const room = await PodRoom.open(t);
    const tasks = [podTask('a'), podTask('b')];
    room.agent.performer.receive({
      type: 'RUN_TASK_GROUP',
      framework,
      executor: podInfo('p'),
      tasks,
      launch_executor: false,
    });
    assert.deepEqual(await room.told(), ['a TASK_LOST', 'b TASK_LOST']);
    assert.equal(room.last('a')?.reason, 'REASON_EXECUTOR_TERMINATED');
    assert.deepEqual([room.agent.state.tasks.size, room.agent.state.executors.size], [0, 0]);
  });
});

describe('the end of a task', () => {
  test('that finished leaves the others alone, and the pod ends with the last', async (t) => {
    const room = await PodRoom.running(t, ['a', 'b']);
    room.exit('a', 0);
    await room.are('a TASK_FINISHED');
    const status = room.last('a');
    assert.equal(status?.message, 'Command exited with status 0');
    assert.equal(status?.container_status?.network_infos, undefined);
    assert.equal(room.agent.task('b').state, 'TASK_RUNNING');
    room.exit('b', 0);
    assert.deepEqual(await room.over(), exited(0));
  });

  test('that failed ends its group, as recorded', async (t) => {
    const room = await PodRoom.open(t);
    const capable: FrameworkInfo = frameworkInfo({ id: 'F', capabilities: ['TASK_KILLING_STATE'] });
    const tasks = [podTask('a'), podTask('b')];
    room.agent.performer.receive({ type: 'RUN_TASK_GROUP', framework: capable, executor: podInfo('p'), tasks });
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
    room.exit('a', 4);
    assert.deepEqual(await room.over(), exited(0));
    assert.deepEqual((await room.told()).slice(4), ['a TASK_FAILED', 'b TASK_KILLING', 'b TASK_KILLED']);
    assert.equal(room.last('a')?.message, 'Command exited with status 4');
    assert.equal(room.last('b')?.message, 'Command terminated with signal Terminated');
    assert.equal(room.last('b')?.source, 'SOURCE_EXECUTOR');
  });

  test('by want of memory is said of that one alone', async (t) => {
    const room = await PodRoom.running(t, ['a', 'b']);
    room.agent.engine.oom(room.agent.task('a').containerName, 64);
    await room.over();
    const of = (id: string) => room.heard.filter(({ task_id }) => task_id.value === id);
    assert.deepEqual(outcomes(of('a')).at(-1), 'TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY');
    assert.match(room.last('a')?.message ?? '', /limit 64 MB/);
    assert.deepEqual(outcomes(of('b')).at(-1), 'TASK_KILLED');
  });

  test('by a kill ends its group, each with its own grace', async (t) => {
    const room = await PodRoom.open(t);
    room.group(podInfo('p'), podTask('a'), podTask('b', { kill_policy: { grace_period: { nanoseconds: 9e9 } } }));
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
    const names = ['a', 'b'].map((id) => room.agent.task(id).containerName);
    room.agent.kill('a');
    assert.deepEqual(await room.over(), exited(0));
    assert.deepEqual((await room.told()).slice(4), ['a TASK_KILLED', 'b TASK_KILLED']);
    const stops = room.agent.engine.calls.filter((call) => call.startsWith('stop'));
    assert.deepEqual(stops, [`stop ${names[0]} 3`, `stop ${names[1]} 9`]);
  });

  test('before another of its group is there is told after its start', async (t) => {
    const room = await PodRoom.open(t);
    room.agent.fetch = (_uris, _target, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    room.group(podInfo('p'), podTask('a'), podTask('b', { command: { value: 'x', uris: [{ value: 'http://x/y' }] } }));
    await room.agent.running('a');
    room.exit('a', 5);
    assert.deepEqual(await room.over(), exited(0));
    const of = (id: string) => room.heard.filter(({ task_id }) => task_id.value === id).map(({ state }) => state);
    assert.deepEqual(of('a'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
    assert.deepEqual(of('b'), ['TASK_STARTING', 'TASK_KILLED']);
    assert.match(room.last('b')?.message ?? '', /task 'a' of its group ended as TASK_FAILED/);
  });

  test('that could not be launched ends the others, and says why', async (t) => {
    const room = await PodRoom.open(t);
    const container = { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'none:1' } } } } as const;
    room.agent.engine.scriptPull('none:1', { error: new Error('no such image') });
    room.group(podInfo('p'), podTask('a', { container }), podTask('b'));
    assert.deepEqual(await room.over(), exited(0));
    assert.equal(room.last('a')?.reason, 'REASON_CONTAINER_LAUNCH_FAILED');
    assert.match(room.last('a')?.message ?? '', /no such image/);
    assert.equal(room.last('b')?.state, 'TASK_KILLED');
  });
});

describe('a pod with a network of its own', () => {
  const ports = 'ports:[31000-31000]';
  const bridged = podInfo('p', {
    ...onNetwork('bridge', { host_port: 31000, container_port: 80 }),
    resources: resourcesOf(`cpus:0.1;mem:32;disk:10;${ports}`),
  });
  const address = { network: 'bridge', protocol: 'IPv4', address: '172.17.0.9' } as const;

  async function held(t: TestContext, info = bridged): Promise<PodRoom> {
    const room = await PodRoom.open(t);
    room.agent.engine.addresses = async () => [address];
    room.group(info, podTask('a'), podTask('b'));
    return room;
  }

  test('has a container that holds it, which the tasks join when it is there', async (t) => {
    const room = await held(t);
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
    const holder = room.spec(room.pod.containerName);
    assert.deepEqual(holder.network, {
      mode: 'bridge',
      ports: [{ hostPort: 31000, containerPort: 80, protocol: 'tcp' }],
    });
    assert.deepEqual([holder.image, holder.memoryLimit, holder.mounts], ['default:1', 32, []]);
    assert.deepEqual(room.specOf('a').network, { mode: 'container', name: room.pod.containerName });
    const [network] = room.last('a')?.container_status?.network_infos ?? [];
    assert.equal(network?.ip_addresses?.[0]?.ip_address, '172.17.0.9');
  });

  test('ends with its last task, the holder before it is told', async (t) => {
    const room = await held(t);
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
    room.exit('a', 0);
    room.exit('b', 0);
    assert.deepEqual(await room.over(), exited(0));
  });

  test('loses its tasks when somebody ends the holder', async (t) => {
    const room = await held(t);
    await room.are('a TASK_RUNNING', 'b TASK_RUNNING');
    room.agent.engine.exit(room.pod.containerName, 137);
    assert.deepEqual(await room.over(), exited(256));
    assert.deepEqual((await room.told()).slice(4).sort(), ['a TASK_FAILED', 'b TASK_FAILED']);
    assert.equal(room.last('a')?.reason, 'REASON_EXECUTOR_TERMINATED');
  });

  test('says of its tasks why it could not be made', async (t) => {
    const room = await PodRoom.open(t);
    room.agent.engine.failNext('start', new Error('no such network'));
    room.group(podInfo('p', onNetwork('none-such')), podTask('a'), podTask('b'));
    assert.deepEqual(await room.over(), exited(256));
    assert.deepEqual(await room.told(), ['a TASK_FAILED', 'b TASK_FAILED']);
    assert.equal(room.last('a')?.reason, 'REASON_CONTAINER_LAUNCH_FAILED');
    assert.match(room.last('a')?.message ?? '', /no such network/);
  });

  test('maps no port that was not offered', async (t) => {
    const room = await PodRoom.open(t);
    room.group(podInfo('p', onNetwork('bridge', { host_port: 80, container_port: 80 })), podTask('a'));
    await room.over();
    assert.match(room.last('a')?.message ?? '', /Port mappings require port resources/);
  });

  test('ends its group at once when one is killed before the network is there', async (t) => {
    const room = await PodRoom.open(t);
    room.agent.engine.scriptPull('default:1', {});
    room.group(bridged, podTask('a'), podTask('b'));
    room.agent.kill('b');
    assert.deepEqual(await room.told(), ['a TASK_KILLED', 'b TASK_KILLED']);
    assert.equal(room.last('a')?.reason, 'REASON_TASK_KILLED_DURING_LAUNCH');
    await room.over();
  });
});

describe('the end of a pod from outside', () => {
  const shutdown = { type: 'SHUTDOWN_EXECUTOR', framework_id: 'F', executor_id: 'p' } as const;

  test('by SHUTDOWN kills its tasks, none with more time than the pod has, and refuses new ones', async (t) => {
    const info = podInfo('p', { shutdown_grace_period: { nanoseconds: 2e9 } });
    const room = await PodRoom.running(t, ['a', 'b'], info);
    const { containerName } = room.agent.task('a');
    room.agent.performer.receive(shutdown);
    room.group(info, podTask('c'));
    await settle();
    assert.ok(room.agent.engine.calls.includes(`stop ${containerName} 2`));
    await room.over();
    assert.deepEqual(
      ['a', 'b', 'c'].map((id) => room.last(id)?.state),
      ['TASK_KILLED', 'TASK_KILLED', 'TASK_LOST'],
    );
  });

  test('by the end of its framework leaves nothing and says nothing', async (t) => {
    const room = await PodRoom.running(t, ['a', 'b']);
    const before = (await room.told()).length;
    room.agent.performer.receive({ type: 'SHUTDOWN_FRAMEWORK', framework_id: 'F' });
    await room.over();
    assert.equal(room.heard.length, before);
  });

  test('by the end of the agent waits for all of it', async (t) => {
    const room = await PodRoom.running(t, ['a', 'b']);
    await room.agent.performer.shutdownTasks();
    assert.equal(room.agent.engine.machine.containers.size, 0);
    await room.are('a TASK_KILLED', 'b TASK_KILLED');
  });
});

describe('a volume of a pod', () => {
  const sandboxPath = (type: 'PARENT' | 'SELF', path: string, more: Partial<Volume> = {}): Volume => ({
    container_path: 'seen',
    mode: 'RW',
    source: { type: 'SANDBOX_PATH', sandbox_path: { type, path } },
    ...more,
  });
  const withVolumes = (id: string, ...volumes: Volume[]) => podTask(id, { container: { type: 'MESOS', volumes } });
  const seen = '/mnt/mesos/sandbox/seen';

  async function mounted(
    t: TestContext,
    task: TaskInfo,
    info = podInfo('p'),
  ): Promise<{ room: PodRoom; paths: string[] }> {
    const room = await PodRoom.open(t);
    room.group(info, task);
    await room.are('a TASK_RUNNING');
    const mounts = room.specOf('a').mounts.filter(({ containerPath }) => containerPath !== '/mnt/mesos/sandbox');
    const paths = mounts.map((mount) => {
      assert.ok(mount.kind === 'bind');
      return `${mount.hostPath.replace(room.pod.sandbox, 'POD')}:${mount.containerPath}${mount.readOnly ? ':ro' : ''}`;
    });
    return { room, paths };
  }

  test('of type PARENT is a directory of the pod’s sandbox, open to all', async (t) => {
    const { room, paths } = await mounted(t, withVolumes('a', sandboxPath('PARENT', 'shared/data', { mode: 'RO' })));
    assert.deepEqual(paths, [`POD/shared/data:${seen}:ro`]);
    const status = await lstat(join(room.pod.sandbox, 'shared/data'));
    assert.equal(status.mode & 0o777, 0o777);
  });

  test('of type SELF is a directory of the task’s own sandbox', async (t) => {
    const { room, paths } = await mounted(t, withVolumes('a', sandboxPath('SELF', 'mine')));
    assert.deepEqual(paths, [`POD/containers/${room.agent.task('a').containerId}/mine:${seen}`]);
  });

  test('of type PARENT reaches into the volumes of the pod', async (t) => {
    const [volume] = resourcesOf('disk:10');
    assert.ok(volume);
    const info = podInfo('p', {
      resources: [
        ...resourcesOf('cpus:0.1;mem:32'),
        {
          ...volume,
          role: 'r',
          disk: { persistence: { id: 'v1', principal: '' }, volume: { container_path: 'kept', mode: 'RW' } },
        },
      ],
    });
    const { room, paths } = await mounted(t, withVolumes('a', sandboxPath('PARENT', 'kept/db')), info);
    assert.equal(paths.length, 1);
    assert.match(paths[0] ?? '', new RegExp(`^${room.agent.directory}/volumes/roles/.*/v1/db:${seen}$`));
  });

  test('of the pod at an absolute path is there for tasks without an image of their own', async (t) => {
    const volumes: Volume[] = [{ container_path: '/data', mode: 'RO', source: { host_path: { path: '/srv' } } }];
    const info = podInfo('p', { container: { type: 'MESOS', volumes } });
    const { paths } = await mounted(t, podTask('a'), info);
    assert.deepEqual(paths, ['/srv:/data:ro']);
  });

  test('leads out of the sandbox neither by its path nor through a link', async (t) => {
    const room = await PodRoom.running(t, ['first']);
    room.group(podInfo('p'), withVolumes('up', sandboxPath('PARENT', '../x')));
    await room.are('up TASK_FAILED');
    assert.match(room.last('up')?.message ?? '', /leaves the sandbox/);
    await symlink('/etc', join(room.pod.sandbox, 'link'));
    room.group(podInfo('p'), withVolumes('link', sandboxPath('PARENT', 'link/x')));
    await room.are('link TASK_FAILED');
    assert.match(room.last('link')?.message ?? '', /leads out of the sandbox/);
    assert.equal(room.agent.task('first').state, 'TASK_RUNNING');
  });
});

describe('the documents', () => {
  const usage = { cpuUserSeconds: 1, cpuSystemSeconds: 2, mem: 16, pids: 1 };

  test('show a pod with what its tasks use, and their containers inside it where they are asked for', async (t) => {
    const room = await PodRoom.running(t, ['a', 'b']);
    const { engine, state, clock } = room.agent;
    for (const id of ['a', 'b']) engine.scriptUsage(room.agent.task(id).containerName, usage);
    const statistics = new ContainerStatistics(state, engine, false, clock);
    const [whole, ...none] = (await statistics.measure()).map(containerMessage);
    assert.deepEqual(none, []);
    assert.equal(whole?.executor_name, '');
    assert.deepEqual(whole?.executor_id, { value: 'p' });
    const megabyte = 1024 * 1024;
    const { cpus_user_time_secs, cpus_soft_limit, mem_limit_bytes, mem_rss_bytes } = whole?.resource_statistics ?? {};
    assert.deepEqual([cpus_user_time_secs, mem_rss_bytes], [2, 32 * megabyte]);
    assert.deepEqual([cpus_soft_limit, mem_limit_bytes], [0.3, 160 * megabyte]);
    const [, inside] = (await statistics.measure({ nested: true })).map(containerMessage);
    const { resource_statistics, ...told } = inside ?? {};
    const value = room.agent.task('a').containerId;
    assert.deepEqual(told, {
      container_id: { value },
      container_status: { container_id: { value, parent: { value: room.pod.containerId } } },
    });
    assert.equal(resource_statistics?.mem_limit_bytes, 64 * megabyte);
  });

  test('show its executor, with all that it holds', async (t) => {
    const room = await PodRoom.running(t, ['a', 'b']);
    assert.deepEqual(
      getExecutors(room.agent.state).executors?.map(({ executor_info }) => executor_info),
      [podInfo('p')],
    );
    assert.deepEqual(
      getTasks(room.agent.state).launched_tasks?.map(({ task_id }) => task_id.value),
      ['a', 'b'],
    );
  });
});
