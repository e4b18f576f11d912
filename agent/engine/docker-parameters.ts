import type { ContainerCreateOptions, EndpointSettings, HostConfig } from 'dockerode';

/** The body of a create call while it is put together. */
export interface ContainerDraft {
  body: ContainerCreateOptions & { Env: string[]; Labels: Record<string, string> };
  host: HostConfig & { Binds: string[]; PortBindings: Record<string, { HostIp?: string; HostPort: string }[]> };
  /** How the container is joined to its network. */
  endpoint: EndpointSettings;
}

/** What is wrong with a value; undefined when it was applied. */
type Problem = string | undefined;
type Apply = (draft: ContainerDraft, value: string) => Problem;

/** The options of `docker run` that repeat, each a list of strings in the engine's own form. */
const lists = {
  'add-host': 'ExtraHosts',
  'cap-add': 'CapAdd',
  'cap-drop': 'CapDrop',
  'device-cgroup-rule': 'DeviceCgroupRules',
  dns: 'Dns',
  'dns-opt': 'DnsOptions',
  'dns-option': 'DnsOptions',
  'dns-search': 'DnsSearch',
  'group-add': 'GroupAdd',
  link: 'Links',
  volume: 'Binds',
  'volumes-from': 'VolumesFrom',
} as const satisfies Record<string, keyof HostConfig>;

const hostStrings = {
  'cgroup-parent': 'CgroupParent',
  cgroupns: 'CgroupnsMode',
  'cpuset-cpus': 'CpusetCpus',
  'cpuset-mems': 'CpusetMems',
  ipc: 'IpcMode',
  net: 'NetworkMode',
  network: 'NetworkMode',
  pid: 'PidMode',
  runtime: 'Runtime',
  userns: 'UsernsMode',
  uts: 'UTSMode',
  'volume-driver': 'VolumeDriver',
} as const;

const hostNumbers = {
  'blkio-weight': 'BlkioWeight',
  'cpu-count': 'CpuCount',
  'cpu-rt-period': 'CpuRealtimePeriod',
  'cpu-rt-runtime': 'CpuRealtimeRuntime',
  'cpu-shares': 'CpuShares',
  'memory-swappiness': 'MemorySwappiness',
  'oom-score-adj': 'OomScoreAdj',
  'pids-limit': 'PidsLimit',
} as const;

const hostSizes = {
  'kernel-memory': 'KernelMemory',
  'memory-reservation': 'MemoryReservation',
  'memory-swap': 'MemorySwap',
  'shm-size': 'ShmSize',
} as const;

const hostFlags = {
  init: 'Init',
  'oom-kill-disable': 'OomKillDisable',
  privileged: 'Privileged',
  'publish-all': 'PublishAllPorts',
  'read-only': 'ReadonlyRootfs',
} as const;

const bodyStrings = {
  domainname: 'Domainname',
  hostname: 'Hostname',
  'mac-address': 'MacAddress',
  platform: 'platform',
  'stop-signal': 'StopSignal',
  user: 'User',
  workdir: 'WorkingDir',
} as const;

/** These concern the `docker` command line itself and change nothing in a container that the agent runs. */
const ignored = new Set(['detach', 'detach-keys', 'disable-content-trust', 'quiet', 'sig-proxy', 'pull', 'rm']);

const refused: Record<string, string> = {
  attach: 'the agent reads the output itself',
  cidfile: 'the agent names containers itself',
  'env-file': 'give the variables with `env`',
  'label-file': 'give the labels with `label`',
  name: 'the agent names containers itself',
  restart: 'a task that ends is reported to its scheduler, which decides whether to run it again',
};

const others: Record<string, Apply> = {
  cpus: ({ host }, value) => {
    const cores = Number(value);
    if (!(cores > 0)) return 'is not a number of cores, such as 1.5';
    host.CpuPeriod = 100_000;
    host.CpuQuota = Math.max(1000, Math.round(cores * 100_000));
    return undefined;
  },
  'cpu-period': ({ host }, value) => {
    const period = wholeNumber(value);
    if (period === undefined || period <= 0) return 'is not a number of microseconds';
    // The share of a core stays what it was when the period alone changes.
    if (host.CpuQuota !== undefined && host.CpuPeriod) {
      host.CpuQuota = Math.max(1000, Math.round((host.CpuQuota * period) / host.CpuPeriod));
    }
    host.CpuPeriod = period;
    return undefined;
  },
  'cpu-quota': ({ host }, value) => {
    const quota = wholeNumber(value);
    if (quota === undefined) return 'is not a number of microseconds';
    host.CpuQuota = quota;
    return undefined;
  },
  memory: ({ host }, value) => {
    const bytes = sizeInBytes(value);
    if (bytes === undefined) return badSize;
    host.Memory = bytes;
    host.MemorySwap = bytes;
    return undefined;
  },
  env: ({ body }, value) => {
    if (!value.includes('=')) return 'has no value: write NAME=VALUE';
    body.Env.push(value);
    return undefined;
  },
  label: ({ body }, value) => {
    const [key, text] = split(value, '=');
    body.Labels[key] = text ?? '';
    return undefined;
  },
  'log-driver': ({ host }, value) => {
    host.LogConfig = { Type: value, Config: host.LogConfig?.Config ?? {} };
    return undefined;
  },
  'log-opt': ({ host }, value) => {
    const [key, text] = split(value, '=');
    if (text === undefined) return keyAndValue;
    host.LogConfig = { Type: host.LogConfig?.Type ?? '', Config: { ...host.LogConfig?.Config, [key]: text } };
    return undefined;
  },
  'security-opt': ({ host }, value) => {
    const profile = /^seccomp[=:](.*)$/s.exec(value)?.[1];
    if (profile !== undefined && !/^(unconfined|builtin|\s*\{.*)$/s.test(profile)) {
      return 'names a file of the client: give seccomp=unconfined, or the profile itself as JSON';
    }
    host.SecurityOpt = [...(host.SecurityOpt ?? []), value];
    return undefined;
  },
  'storage-opt': ({ host }, value) => {
    const [key, text] = split(value, '=');
    if (text === undefined) return keyAndValue;
    host.StorageOpt = { ...host.StorageOpt, [key]: text };
    return undefined;
  },
  sysctl: ({ host }, value) => {
    const [key, text] = split(value, '=');
    if (text === undefined) return keyAndValue;
    host.Sysctls = { ...host.Sysctls, [key]: text };
    return undefined;
  },
  tmpfs: ({ host }, value) => {
    const [path, options] = split(value, ':');
    host.Tmpfs = { ...host.Tmpfs, [path]: options ?? '' };
    return undefined;
  },
  ulimit: ({ host }, value) => {
    const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(value);
    if (match === null) return 'is not of the form nofile=1024:2048';
    const [, Name = '', soft, hard] = match;
    host.Ulimits = [...(host.Ulimits ?? []), { Name, Soft: Number(soft), Hard: Number(hard ?? soft) }];
    return undefined;
  },
  device: ({ host }, value) => {
    const [PathOnHost = '', second, third] = value.split(':');
    const permissions = /^[rwm]{1,3}$/;
    const onlyPermissions = second !== undefined && permissions.test(second);
    const CgroupPermissions = third ?? (onlyPermissions ? second : 'rwm');
    if (!permissions.test(CgroupPermissions)) return 'is not of the form /dev/on-host:/dev/in-container:rwm';
    const PathInContainer = second === undefined || onlyPermissions ? PathOnHost : second;
    host.Devices = [...(host.Devices ?? []), { PathOnHost, PathInContainer, CgroupPermissions }];
    return undefined;
  },
  gpus: ({ host }, value) => {
    const request = gpuRequest(value);
    if (request === undefined) return 'is not `all`, a number, or device=ID,ID';
    host.DeviceRequests = [request];
    return undefined;
  },
  entrypoint: ({ body }, value) => {
    body.Entrypoint = value === '' ? [] : [value];
    return undefined;
  },
  expose: ({ body }, value) => {
    const ports = portRange(value.split('/')[0] ?? '');
    if (ports === undefined) return 'is not a port or a range of ports';
    for (const port of ports) exposePort(body, `${port}/${value.split('/')[1] ?? 'tcp'}`);
    return undefined;
  },
  publish: publishPorts,
  mount: addMount,
  ip: ({ endpoint }, value) => {
    endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv4Address: value };
    return undefined;
  },
  ip6: ({ endpoint }, value) => {
    endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv6Address: value };
    return undefined;
  },
  'network-alias': addAlias,
  'net-alias': addAlias,
  'stop-timeout': ({ body }, value) => {
    const seconds = wholeNumber(value);
    if (seconds === undefined) return 'is not a number of seconds';
    body.StopTimeout = seconds;
    return undefined;
  },
  tty: ({ body }, value) => setFlag(value, (on) => Object.assign(body, { Tty: on })),
  interactive: ({ body }, value) => setFlag(value, (on) => Object.assign(body, { OpenStdin: on })),
  'no-healthcheck': ({ body }, value) =>
    setFlag(value, (on) => on && Object.assign(body, { Healthcheck: { Test: ['NONE'] } })),
};

/** Applies one long option of `docker run`, named without dashes. Returns what is wrong with it as a sentence. */
export function applyParameter(draft: ContainerDraft, key: string, value: string): Problem {
  const name = key.replace(/^--/, '');
  if (ignored.has(name)) return undefined;
  const apply = lookUp(others, name) ?? lookUp(tables, name);
  if (apply !== undefined) {
    const problem = apply(draft, value);
    return problem && `The Docker parameter ${name}=${value} ${problem}.`;
  }
  const why = lookUp(refused, name);
  if (why !== undefined) return `The Docker parameter ${name} cannot be used: ${why}.`;
  return `The Docker parameter ${name} is not an option of \`docker run\` that this agent knows.`;
}

const badSize = 'is not a size, such as 64m or 1g';
const keyAndValue = 'is not of the form KEY=VALUE';

const tables: Record<string, Apply> = {
  ...each(lists, (field) => ({ host }, value) => {
    host[field] = [...(host[field] ?? []), value];
    return undefined;
  }),
  ...each(hostStrings, (field) => ({ host }, value) => {
    Object.assign(host, { [field]: value });
    return undefined;
  }),
  ...each(bodyStrings, (field) => ({ body }, value) => {
    Object.assign(body, { [field]: value });
    return undefined;
  }),
  ...each(hostNumbers, (field) => ({ host }, value) => {
    const number = wholeNumber(value);
    if (number === undefined) return 'is not a whole number';
    host[field] = number;
    return undefined;
  }),
  ...each(hostSizes, (field) => ({ host }, value) => {
    const bytes = value === '-1' ? -1 : sizeInBytes(value);
    if (bytes === undefined) return badSize;
    host[field] = bytes;
    return undefined;
  }),
  ...each(
    hostFlags,
    (field) =>
      ({ host }, value) =>
        setFlag(value, (on) => Object.assign(host, { [field]: on })),
  ),
};

function each<Field>(fields: Record<string, Field>, make: (field: Field) => Apply): Record<string, Apply> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, make(field)]));
}

/** Own properties alone, so that an option called `constructor` is unknown. */
function lookUp<Value>(table: Record<string, Value>, name: string): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function setFlag(value: string, set: (on: boolean) => void): Problem {
  if (!/^(|true|false|1|0)$/i.test(value)) return 'is neither true nor false';
  set(!/^(false|0)$/i.test(value));
  return undefined;
}

function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function wholeNumber(value: string): number | undefined {
  return /^-?\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function sizeInBytes(value: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value);
  if (match === null) return undefined;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  return Math.round(Number(match[1]) * 1024 ** power);
}

export function gpuRequest(
  value: string,
): { Driver: string; Capabilities: string[][]; Count?: number; DeviceIDs?: string[] } | undefined {
  const request = { Driver: '', Capabilities: [['gpu']] };
  if (value === 'all') return { ...request, Count: -1 };
  if (/^\d+$/.test(value)) return { ...request, Count: Number(value) };
  const devices = /^"?device=([^"]+)"?$/.exec(value)?.[1];
  return devices === undefined ? undefined : { ...request, DeviceIDs: devices.split(',') };
}

function addAlias({ endpoint }: ContainerDraft, value: string): Problem {
  endpoint.Aliases = [...(endpoint.Aliases ?? []), value];
  return undefined;
}

export function exposePort(body: ContainerDraft['body'], port: string): void {
  body.ExposedPorts = { ...body.ExposedPorts, [port]: {} };
}

/** `[address:][host port]:container port[/protocol]`, a range of ports on both sides or on none. */
function publishPorts({ body, host }: ContainerDraft, value: string): Problem {
  const problem = 'is not of the form [ADDRESS:][HOST_PORT:]CONTAINER_PORT[/PROTOCOL]';
  const match = /^(?:(?:(\[[^\]]+\]|[^:[\]]+):)?([\d-]*):)?([\d-]+)(?:\/(tcp|udp|sctp))?$/.exec(value);
  if (match === null) return problem;
  const [, address, hostSide = '', containerSide = '', protocol = 'tcp'] = match;
  const containerPorts = portRange(containerSide);
  const hostPorts = hostSide === '' ? [] : portRange(hostSide);
  if (containerPorts === undefined || hostPorts === undefined) return problem;
  if (hostPorts.length !== 0 && hostPorts.length !== containerPorts.length) return 'has ranges of different length';
  for (const [index, containerPort] of containerPorts.entries()) {
    const port = `${containerPort}/${protocol}`;
    exposePort(body, port);
    const binding = {
      HostPort: `${hostPorts[index] ?? ''}`,
      ...(address && { HostIp: address.replace(/[[\]]/g, '') }),
    };
    host.PortBindings[port] = [...(host.PortBindings[port] ?? []), binding];
  }
  return undefined;
}

function portRange(text: string): number[] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > 65535 || last < first) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** `type=bind,source=…,target=…[,readonly]`, for the types bind, volume and tmpfs. */
function addMount({ host }: ContainerDraft, value: string): Problem {
  const fields = new Map(value.split(',').map((part) => split(part.trim(), '=')));
  const Type = fields.get('type') ?? 'volume';
  if (Type !== 'bind' && Type !== 'volume' && Type !== 'tmpfs') return 'has a type other than bind, volume and tmpfs';
  const Target = fields.get('target') ?? fields.get('destination') ?? fields.get('dst');
  if (Target === undefined) return 'has no target';
  const known = /^(type|source|src|target|destination|dst|readonly|ro)$/;
  const unknown = [...fields.keys()].find((field) => !known.test(field));
  if (unknown !== undefined) return `has the field ${unknown}, which this agent does not know`;
  const flag = fields.has('readonly') ? fields.get('readonly') : fields.get('ro');
  const ReadOnly = (fields.has('readonly') || fields.has('ro')) && flag !== 'false' && flag !== '0';
  const Source = fields.get('source') ?? fields.get('src') ?? '';
  host.Mounts = [...(host.Mounts ?? []), { Type, Source, Target, ReadOnly }];
  return undefined;
}
