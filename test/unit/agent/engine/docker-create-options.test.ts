import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerCreateOptions } from 'dockerode';
import fc from 'fast-check';
import { createOptions } from '../../../../agent/engine/docker-create-options.ts';
import type { ContainerSpec } from '../../../../agent/engine/engine.ts';
import { MesitaError } from '../../../../protocol/errors.ts';

const scope = { 'mesita.agent': 'a1' };

function spec(overrides: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: 'task-1',
    image: 'debian:12',
    labels: {},
    environment: {},
    cpuShares: 1,
    pidsLimit: 100,
    network: { mode: 'host' },
    mounts: [],
    privileged: false,
    parameters: [],
    ...overrides,
  };
}

function body(overrides: Partial<ContainerSpec> = {}): ContainerCreateOptions & { HostConfig: object } {
  const made = createOptions(spec(overrides), scope);
  assert.ok(!(made instanceof MesitaError), `${made}`);
  assert.ok(made.HostConfig);
  return { ...made, HostConfig: made.HostConfig };
}

function host(parameters: [string, string][], overrides: Partial<ContainerSpec> = {}) {
  return createHost({ ...overrides, parameters: parameters.map(([key, value]) => ({ key, value })) });
}

function createHost(overrides: Partial<ContainerSpec>): NonNullable<ContainerCreateOptions['HostConfig']> {
  return body(overrides).HostConfig;
}

function problem(overrides: Partial<ContainerSpec>): string {
  const made = createOptions(spec(overrides), scope);
  assert.ok(made instanceof MesitaError);
  assert.equal(made.code, 'MESITA_CONTAINER_INVALID');
  return made.message;
}

test('memory is hard: swap is bounded by the same figure', () => {
  const { Memory, MemorySwap, MemoryReservation } = createHost({ memoryLimit: 64, memoryReservation: 32 });
  assert.deepEqual([Memory, MemorySwap, MemoryReservation], [67_108_864, 67_108_864, 33_554_432]);
});

test('without limits none is set', () => {
  const made = createHost({});
  assert.equal('Memory' in made || 'CpuQuota' in made || 'NanoCpus' in made, false);
});

test('a memory limit below the minimum is named with the minimum', () => {
  assert.match(problem({ memoryLimit: 5.9 }), /5\.9 MB .* 6 MB/);
  assert.equal(createHost({ memoryLimit: 6 }).Memory, 6 * 1024 * 1024);
});

test('shares and quota follow the cores, down to the least that the kernel takes', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.0001, max: 128, noNaN: true }), (cores) => {
      const { CpuShares, CpuQuota, CpuPeriod } = createHost({ cpuShares: cores, cpuLimit: cores });
      assert.equal(CpuShares, Math.max(2, Math.round(cores * 1024)));
      assert.equal(CpuQuota, Math.max(1000, Math.round(cores * 100_000)));
      assert.equal(CpuPeriod, 100_000);
    }),
  );
});

test('labels of the scope win over those of the task and of parameters', () => {
  const made = body({
    labels: { 'mesita.agent': 'other', color: 'red' },
    parameters: [{ key: 'label', value: 'mesita.agent=third' }],
  });
  assert.deepEqual(made.Labels, { 'mesita.agent': 'a1', color: 'red' });
});

test('ports are published on bridge and user networks, aliases on the user network', () => {
  const ports = [{ hostPort: 31000, containerPort: 80, protocol: 'tcp' as const }];
  const made = body({ network: { mode: 'user', name: 'mine', ports, aliases: ['web'], hostname: 'h' } });
  assert.deepEqual(made.ExposedPorts, { '80/tcp': {} });
  assert.deepEqual(made.NetworkingConfig, { EndpointsConfig: { mine: { Aliases: ['web'] } } });
  assert.equal(made.Hostname, 'h');
  assert.deepEqual(createHost({ network: { mode: 'bridge', ports } }).PortBindings, {
    '80/tcp': [{ HostPort: '31000' }],
  });
});

test('mounts take the short form where it can say them', () => {
  const { Binds, Mounts } = createHost({
    mounts: [
      { kind: 'bind', hostPath: '/data', containerPath: '/d', readOnly: true },
      { kind: 'volume', name: 'v', containerPath: '/v', readOnly: false },
      { kind: 'bind', hostPath: '/with:colon', containerPath: '/c', readOnly: false },
      { kind: 'volume', name: 'w', driver: 'nfs', containerPath: '/w', readOnly: true },
    ],
  });
  assert.deepEqual(Binds, ['/data:/d:ro', 'v:/v:rw']);
  assert.deepEqual(
    Mounts?.map(({ Type, Source, Target, ReadOnly }) => [Type, Source, Target, ReadOnly]),
    [
      ['bind', '/with:colon', '/c', false],
      ['volume', 'w', '/w', true],
    ],
  );
  assert.equal(Mounts?.[1]?.VolumeOptions?.DriverConfig.Name, 'nfs');
});

test('an empty command is passed on, an absent one left to the image', () => {
  assert.equal('Cmd' in body(), false);
  assert.deepEqual(body({ command: [] }).Cmd, []);
});

test('parameters become the fields that docker run would set', () => {
  const cases: [[string, string][], object][] = [
    [
      [
        ['cap-add', 'SYS_PTRACE'],
        ['cap-drop', 'ALL'],
      ],
      { CapAdd: ['SYS_PTRACE'], CapDrop: ['ALL'] },
    ],
    [
      [
        ['add-host', 'db:10.0.0.1'],
        ['add-host', 'c:10.0.0.2'],
      ],
      { ExtraHosts: ['db:10.0.0.1', 'c:10.0.0.2'] },
    ],
    [
      [
        ['dns', '1.1.1.1'],
        ['dns-search', 'x.org'],
        ['dns-option', 'ndots:2'],
      ],
      { Dns: ['1.1.1.1'], DnsSearch: ['x.org'], DnsOptions: ['ndots:2'] },
    ],
    [
      [
        ['ulimit', 'nofile=64:128'],
        ['ulimit', 'core=0'],
      ],
      {
        Ulimits: [
          { Name: 'nofile', Soft: 64, Hard: 128 },
          { Name: 'core', Soft: 0, Hard: 0 },
        ],
      },
    ],
    [[['sysctl', 'net.a=1']], { Sysctls: { 'net.a': '1' } }],
    [
      [
        ['device', '/dev/fuse'],
        ['device', '/dev/a:/dev/b:r'],
        ['device', '/dev/c:rw'],
      ],
      {
        Devices: [
          { PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rwm' },
          { PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'r' },
          { PathOnHost: '/dev/c', PathInContainer: '/dev/c', CgroupPermissions: 'rw' },
        ],
      },
    ],
    [
      [
        ['tmpfs', '/t:size=1m'],
        ['tmpfs', '/u'],
      ],
      { Tmpfs: { '/t': 'size=1m', '/u': '' } },
    ],
    [
      [
        ['shm-size', '1g'],
        ['read-only', ''],
        ['init', 'true'],
      ],
      { ShmSize: 2 ** 30, ReadonlyRootfs: true, Init: true },
    ],
    [
      [
        ['log-opt', 'max-size=1m'],
        ['log-driver', 'local'],
      ],
      { LogConfig: { Type: 'local', Config: { 'max-size': '1m' } } },
    ],
    [[['memory', '64m']], { Memory: 2 ** 26, MemorySwap: 2 ** 26 }],
    [
      [
        ['memory', '64m'],
        ['memory-swap', '-1'],
      ],
      { Memory: 2 ** 26, MemorySwap: -1 },
    ],
    [[['cpus', '1.5']], { CpuPeriod: 100_000, CpuQuota: 150_000 }],
    [
      [
        ['net', 'bridge'],
        ['publish', '127.0.0.1:8080:80'],
        ['publish', '53/udp'],
      ],
      {
        NetworkMode: 'bridge',
        PortBindings: { '80/tcp': [{ HostPort: '8080', HostIp: '127.0.0.1' }], '53/udp': [{ HostPort: '' }] },
      },
    ],
    [
      [['publish', '8000-8001:80-81']],
      { PortBindings: { '80/tcp': [{ HostPort: '8000' }], '81/tcp': [{ HostPort: '8001' }] } },
    ],
    [
      [['mount', 'type=bind,src=/a,dst=/b,readonly']],
      { Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true }] },
    ],
    [
      [
        ['rm', 'true'],
        ['detach', 'true'],
      ],
      {},
    ],
  ];
  for (const [parameters, expected] of cases) {
    const made = host(parameters);
    for (const [field, value] of Object.entries(expected)) {
      assert.deepEqual((made as Record<string, unknown>)[field], value, `${JSON.stringify(parameters)} ${field}`);
    }
  }
});

test('parameters of the container itself', () => {
  const parameters = [
    ['entrypoint', '/bin/tool'],
    ['env', 'A=b=c'],
    ['hostname', 'h'],
    ['user', '1:2'],
    ['workdir', '/w'],
    ['tty', 'true'],
    ['interactive', ''],
    ['stop-signal', 'SIGINT'],
  ].map(([key = '', value = '']) => ({ key, value }));
  const { Entrypoint, Env, Hostname, User, WorkingDir, Tty, OpenStdin, StopSignal } = body({ parameters });
  assert.deepEqual(
    { Entrypoint, Env, Hostname, User, WorkingDir, Tty, OpenStdin, StopSignal },
    {
      Entrypoint: ['/bin/tool'],
      Env: ['A=b=c'],
      Hostname: 'h',
      User: '1:2',
      WorkingDir: '/w',
      Tty: true,
      OpenStdin: true,
      StopSignal: 'SIGINT',
    },
  );
});

test('a parameter that is unknown, refused or malformed is named', () => {
  const cases: [string, string, RegExp][] = [
    ['no-such-option', 'x', /no-such-option/],
    ['constructor', 'x', /constructor/],
    ['restart', 'always', /restart cannot be used/],
    ['name', 'x', /name cannot be used/],
    ['ulimit', 'nofile', /ulimit=nofile is not of the form/],
    ['shm-size', 'large', /shm-size=large is not a size/],
    ['publish', 'a:b', /publish=a:b/],
    ['publish', '80-81:80', /different length/],
    ['read-only', 'maybe', /neither true nor false/],
    ['security-opt', 'seccomp=/etc/profile.json', /file of the client/],
  ];
  for (const [key, value, words] of cases) assert.match(problem({ parameters: [{ key, value }] }), words);
});

test('no parameter whatever throws', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (key, value) => {
      createOptions(spec({ parameters: [{ key, value }] }), scope);
    }),
  );
});

test('a variable whose name cannot be one is refused', () => {
  assert.match(problem({ environment: { 'A=B': 'c' } }), /"A=B"/);
});
