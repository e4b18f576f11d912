import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planContainer } from '../../../agent/container-plan.ts';
import type { ContainerSpec } from '../../../agent/engine/engine.ts';
import { SandboxPaths } from '../../../agent/sandbox-paths.ts';
import type { TaskRecord } from '../../../agent/state.ts';
import { asContainerId } from '../../../protocol/ids.ts';
import type { ContainerInfoDockerInfo, Resource, TaskInfo, Volume } from '../../../protocol/messages.ts';
import { dockerTask, framework, image } from '../../support/agent-room.ts';
import { resourcesOf } from '../../support/master-messages.ts';

const settings = {
  defaultImage: 'default:1',
  enforceCpuQuota: true,
  pidsLimit: 100,
  agentId: 'S',
  workDirectory: '/w',
  agentEndpoint: '10.0.0.1:5051',
  executorShutdownGrace: 5,
};

function plan(info: TaskInfo, changed: Partial<typeof settings> = {}) {
  const task = {
    framework,
    info,
    containerId: asContainerId('C'),
    containerName: 'mesos-C',
    sandbox: '/w/sandbox',
  } as TaskRecord;
  return planContainer(task, { ...settings, ...changed });
}

function spec(change: Partial<TaskInfo>, changed: Partial<typeof settings> = {}): ContainerSpec {
  const planned = plan(dockerTask('t1', change), changed);
  if ('error' in planned) throw new Error(planned.error);
  return planned.spec;
}

const error = (change: Partial<TaskInfo>) => {
  const planned = plan(dockerTask('t1', change));
  return 'error' in planned ? planned.error : undefined;
};

const docker = (change: Partial<ContainerInfoDockerInfo>, more: object = {}): Partial<TaskInfo> => ({
  container: { type: 'DOCKER', docker: { image, ...change }, ...more },
});

describe('the command', () => {
  test('of a shell goes to /bin/sh -c', () => {
    const { entrypoint, command } = spec({ command: { value: 'echo $A' } });
    assert.deepEqual([entrypoint, command], [['/bin/sh'], ['-c', 'echo $A']]);
  });

  test('without a shell goes to the entrypoint of the image, value first', () => {
    const { entrypoint, command } = spec({ command: { shell: false, value: 'a', arguments: ['b', 'c'] } });
    assert.deepEqual([entrypoint, command], [undefined, ['a', 'b', 'c']]);
    assert.deepEqual(spec({ command: { shell: false, arguments: ['b'] } }).command, ['b']);
  });

  test('is what the image says when there is none', () => {
    for (const command of [{}, { shell: false }]) {
      const planned = spec({ command });
      assert.deepEqual([planned.entrypoint, planned.command], [undefined, undefined]);
    }
  });

  test('without a container runs in the default image, in the sandbox, as execvp would', () => {
    const { container: _, ...plain } = dockerTask('t1', {
      command: { shell: false, value: '/bin/ls', arguments: ['ls', '-l'], user: 'nobody' },
    });
    const planned = plan(plain);
    assert.ok('spec' in planned);
    assert.equal(planned.image, 'default:1');
    assert.deepEqual([planned.spec.entrypoint, planned.spec.command], [['/bin/ls'], ['-l']]);
    assert.equal(planned.spec.workingDirectory, '/mnt/mesos/sandbox');
    assert.equal(planned.spec.user, 'nobody');
    assert.deepEqual(plan({ ...plain, command: { shell: true } }), {
      error: 'Shell command is not specified: command.value is missing',
    });
    assert.deepEqual(plan({ ...plain, command: { shell: false } }), {
      error: 'Executable is not specified: command.value is missing',
    });
  });

  test('of MESOS containers runs in their Docker image', () => {
    const container = {
      type: 'MESOS' as const,
      mesos: { image: { type: 'DOCKER' as const, docker: { name: 'm:1' }, cached: false } },
    };
    const planned = plan(dockerTask('t1', { container }));
    assert.ok('spec' in planned);
    assert.deepEqual([planned.image, planned.forcePull], ['m:1', true]);
    const other = { type: 'MESOS' as const, mesos: { image: { type: 'APPC' as const } } };
    assert.deepEqual(plan(dockerTask('t1', { container: other })), { error: 'Unsupported container image type: APPC' });
  });
});

describe('the network', () => {
  const port_mappings = [
    { host_port: 31_000, container_port: 80, protocol: 'TCP' },
    { host_port: 31_001, container_port: 53, protocol: 'udp' },
  ];
  const ports = [
    { hostPort: 31_000, containerPort: 80, protocol: 'tcp' },
    { hostPort: 31_001, containerPort: 53, protocol: 'udp' },
  ];
  const resources = resourcesOf('cpus:1;mem:64;ports:[31000-31001]');

  test('is the host by default, or what is asked for', () => {
    assert.deepEqual(spec({}).network, { mode: 'host' });
    assert.deepEqual(spec(docker({ network: 'NONE' })).network, { mode: 'none' });
    assert.deepEqual(spec(docker({ network: 'BRIDGE' }, { hostname: 'h' })).network, {
      mode: 'bridge',
      ports: [],
      hostname: 'h',
    });
    const user = docker({ network: 'USER' }, { network_infos: [{ name: 'net' }] });
    assert.deepEqual(spec(user).network, { mode: 'user', name: 'net', ports: [] });
  });

  test('maps the ports that the task was given', () => {
    assert.deepEqual(spec({ ...docker({ network: 'BRIDGE', port_mappings }), resources }).network, {
      mode: 'bridge',
      ports,
    });
  });

  const wrong: [string, Partial<TaskInfo>, string][] = [
    [
      'a port that was not given',
      { ...docker({ network: 'BRIDGE', port_mappings: [{ host_port: 80, container_port: 80 }] }), resources },
      'Port [80] not included in resources',
    ],
    [
      'ports without port resources',
      docker({ network: 'BRIDGE', port_mappings }),
      'Port mappings require port resources',
    ],
    [
      'ports on the host',
      { ...docker({ port_mappings }), resources },
      'Port mappings are only supported for bridge and user-defined networks',
    ],
    [
      'a protocol that nobody knows',
      {
        ...docker({ network: 'BRIDGE', port_mappings: [{ host_port: 31_000, container_port: 1, protocol: 'x' }] }),
        resources,
      },
      "Unknown protocol 'x' in a port mapping",
    ],
    ['a hostname on the host', docker({}, { hostname: 'h' }), 'Unable to set hostname with host network mode'],
    [
      'a user network without a name',
      docker({ network: 'USER' }),
      'Expecting exactly one network_infos with a name for a user-defined network',
    ],
  ];
  for (const [what, change, text] of wrong) test(`refuses ${what}`, () => assert.equal(error(change), text));
});

describe('volumes', () => {
  const mount = (volume: Partial<Volume>, change: Partial<ContainerInfoDockerInfo> = {}) =>
    docker(change, { volumes: [{ container_path: '/c', mode: 'RW', ...volume }] });
  const own = { kind: 'bind', hostPath: '/w/sandbox', containerPath: '/mnt/mesos/sandbox', readOnly: false };
  const cases: [string, Partial<TaskInfo>, object][] = [
    [
      'an absolute path',
      mount({ host_path: '/h', mode: 'RO' }),
      { kind: 'bind', hostPath: '/h', containerPath: '/c', readOnly: true },
    ],
    [
      'a path in the sandbox',
      mount({ host_path: 'h' }),
      { kind: 'bind', hostPath: '/w/sandbox/h', containerPath: '/c', readOnly: false },
    ],
    [
      'a relative place',
      mount({ host_path: '/h', container_path: 'c' }),
      { kind: 'bind', hostPath: '/h', containerPath: '/mnt/mesos/sandbox/c', readOnly: false },
    ],
    [
      'a volume of a driver',
      mount({ host_path: 'v' }, { volume_driver: 'd' }),
      { kind: 'volume', name: 'v', driver: 'd', containerPath: '/c', readOnly: false },
    ],
    [
      'a Docker volume with options for its driver',
      mount({
        source: {
          type: 'DOCKER_VOLUME',
          docker_volume: { name: 'v', driver_options: { parameter: [{ key: 'type', value: 'tmpfs' }] } },
        },
      }),
      { kind: 'volume', name: 'v', options: { type: 'tmpfs' }, containerPath: '/c', readOnly: false },
    ],
    [
      'a Docker volume',
      mount({ source: { type: 'DOCKER_VOLUME', docker_volume: { name: 'v', driver: 'd' } } }),
      { kind: 'volume', name: 'v', driver: 'd', containerPath: '/c', readOnly: false },
    ],
  ];
  for (const [what, change, expected] of cases)
    test(`mount ${what}, and the sandbox last`, () => assert.deepEqual(spec(change).mounts, [expected, own]));

  test('that lead out of the sandbox, or are relative on both sides, are refused', () => {
    assert.match(error(mount({ host_path: '../x' })) ?? '', /leaves the sandbox/);
    assert.match(error(mount({ host_path: '/h', container_path: '../../etc' })) ?? '', /leaves the sandbox/);
    assert.match(error(mount({ host_path: 'h', container_path: 'c' })) ?? '', /are relative/);
  });
});

describe('limits', () => {
  test('are what was asked for, hard, 32 MB at the least', () => {
    const { cpuShares, cpuLimit, memoryLimit, memoryReservation, oomScoreAdjust, pidsLimit } = spec({
      resources: resourcesOf('cpus:0.5;mem:16'),
    });
    assert.deepEqual(
      [cpuShares, cpuLimit, memoryLimit, memoryReservation, oomScoreAdjust, pidsLimit],
      [0.5, 0.5, 32, undefined, undefined, 100],
    );
  });

  test('without CFS there is no quota', () => assert.equal(spec({}, { enforceCpuQuota: false }).cpuLimit, undefined));

  test('of what is revocable leave CPU to others, and make it go first when memory runs out', () => {
    const revocable = resourcesOf('cpus:1;mem:64').map((resource) => ({ ...resource, revocable: {} }));
    const { cpuShares, memoryLimit, oomScoreAdjust } = spec({ resources: revocable });
    assert.deepEqual([cpuShares, memoryLimit, oomScoreAdjust], [10 / 1024, 64, 500]);
  });

  test('of the task itself let it use more, and make it go first when memory runs out', () => {
    const { cpuLimit, memoryLimit, memoryReservation, oomScoreAdjust } = spec({
      limits: { cpus: { value: 2 }, mem: { value: 128 } },
    });
    assert.deepEqual([cpuLimit, memoryLimit, memoryReservation], [2, 128, 64]);
    assert.ok((oomScoreAdjust ?? 0) > 0);
  });

  test('that are infinite are none', () => {
    const infinite = { value: Number.POSITIVE_INFINITY };
    const { cpuLimit, memoryLimit } = spec({ limits: { cpus: infinite, mem: infinite } });
    assert.deepEqual([cpuLimit, memoryLimit], [undefined, undefined]);
  });
});

describe('the environment', () => {
  test('of Docker tasks is their own and three variables', () => {
    const variables = [
      { name: 'A', value: '1' },
      { name: 'MESOS_SANDBOX', value: 'x' },
    ];
    assert.deepEqual(spec({ command: { value: 'true', environment: { variables } } }).environment, {
      A: '1',
      MESOS_SANDBOX: '/mnt/mesos/sandbox',
      MESOS_CONTAINER_NAME: 'mesos-C',
      MESOS_ALLOCATION_ROLE: '*',
    });
  });

  test('names the role that the resources are allocated to', () => {
    const resources = resourcesOf('cpus:1').map((one) => ({ ...one, allocation_info: { role: 'a/b' } }));
    assert.equal(spec({ resources }).environment.MESOS_ALLOCATION_ROLE, 'a/b');
  });
});

test('labels name agent, framework and task; parameters and privileges are passed on', () => {
  const planned = spec(docker({ privileged: true, parameters: [{ key: 'cap-add', value: 'X' }] }));
  assert.equal(planned.name, 'mesos-C');
  assert.equal(planned.labels['org.mesita.agent'], 'S');
  assert.equal(planned.labels['org.mesita.task'], 't1');
  assert.deepEqual([planned.privileged, planned.parameters], [true, [{ key: 'cap-add', value: 'X' }]]);
});

test('sandboxes lie where those of Mesos do', () => {
  const paths = new SandboxPaths('/w', 'S');
  assert.equal(paths.run('F', 'E', 'C'), '/w/slaves/S/frameworks/F/executors/E/runs/C');
});

describe('persistent volumes', () => {
  const volume = (container_path: string, mode: 'RW' | 'RO' = 'RW'): Resource => ({
    name: 'disk',
    type: 'SCALAR',
    scalar: { value: 10 },
    reservations: [{ type: 'DYNAMIC', role: 'a' }],
    disk: { persistence: { id: 'v' }, volume: { mode, container_path } },
  });
  const mounts = (resource: Resource) => {
    const planned = plan(dockerTask('t', { resources: [...resourcesOf('cpus:1;mem:64'), resource] }));
    return 'error' in planned ? planned.error : planned.spec.mounts.filter(({ kind }) => kind === 'bind');
  };

  test('are in the sandbox, or where an absolute path says', () => {
    const hostPath = '/w/volumes/roles/a/v';
    assert.deepEqual((mounts(volume('data')) as unknown[])[0], {
      kind: 'bind',
      hostPath,
      containerPath: '/mnt/mesos/sandbox/data',
      readOnly: false,
    });
    assert.deepEqual((mounts(volume('/data', 'RO')) as unknown[])[0], {
      kind: 'bind',
      hostPath,
      containerPath: '/data',
      readOnly: true,
    });
  });

  test('do not leave the sandbox', () => assert.match(String(mounts(volume('../data'))), /leaves the sandbox/));
});
