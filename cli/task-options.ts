import { MesitaError } from '../protocol/errors.ts';
import type {
  CommandInfo,
  CommandInfoURI,
  ContainerInfo,
  ContainerInfoDockerInfoNetwork,
  ContainerInfoDockerInfoPortMapping,
  Resource,
  TaskInfo,
  Volume,
} from '../protocol/messages.ts';
import { resources } from '../scheduler/index.ts';

/** Options of `mesita run` that describe the task. */
export interface TaskOptions {
  name?: string;
  cpus: number;
  mem: number;
  disk: number;
  gpus: number;
  uri: string[];
  env: string[];
  volume: string[];
  publish: string[];
  network: string;
  parameter: string[];
  workdir: string;
  privileged?: boolean;
  pull?: boolean;
}

export interface TaskContent {
  id: string;
  name: string;
  image: string;
  command: string[];
  uris: CommandInfoURI[];
}

/** The task that the options describe. Throws MESITA_FLAG_INVALID. */
export function taskOf(
  { id, name, image, command, uris }: TaskContent,
  options: TaskOptions,
): Omit<TaskInfo, 'agent_id'> {
  const ports = options.publish.map(portOf);
  return {
    name,
    task_id: { value: id },
    resources: demandOf(options, ports),
    container: containerOf(image, ports, options),
    command: commandOf(command, uris, options),
  };
}

function demandOf(options: TaskOptions, ports: ContainerInfoDockerInfoPortMapping[]): Resource[] {
  const { cpus, mem, disk, gpus } = options;
  const scalars = resources({ cpus, mem, ...(disk > 0 ? { disk } : {}), ...(gpus > 0 ? { gpus } : {}) });
  if (ports.length === 0) return scalars;
  const range = ports.map(({ host_port }) => ({ begin: host_port, end: host_port }));
  return [...scalars, { name: 'ports', type: 'RANGES', ranges: { range } }];
}

const networks: Record<string, ContainerInfoDockerInfoNetwork> = { host: 'HOST', bridge: 'BRIDGE', none: 'NONE' };

function containerOf(image: string, ports: ContainerInfoDockerInfoPortMapping[], options: TaskOptions): ContainerInfo {
  // Ports can be mapped on networks of the container's own only, so asking for some means the bridge.
  const asked = ports.length > 0 && options.network === 'host' ? 'bridge' : options.network;
  const network = networks[asked] ?? 'USER';
  const parameters = options.parameter.map((text) => pair(text, '--parameter')).map(([key, value]) => ({ key, value }));
  const own = parameters.some(({ key }) => key === 'workdir');
  return {
    type: 'DOCKER',
    volumes: options.volume.map(volumeOf),
    docker: {
      image,
      network,
      ...(ports.length > 0 ? { port_mappings: ports } : {}),
      ...(options.privileged === true ? { privileged: true } : {}),
      ...(options.pull === true ? { force_pull_image: true } : {}),
      parameters: own ? parameters : [...parameters, { key: 'workdir', value: options.workdir }],
    },
    ...(network === 'USER' ? { network_infos: [{ name: asked }] } : {}),
  };
}

function commandOf(command: string[], uris: CommandInfoURI[], options: TaskOptions): CommandInfo {
  const variables = options.env.map((text) => pair(text, '--env')).map(([name, value]) => ({ name, value }));
  const [value, ...args] = command;
  return {
    shell: false,
    ...(value === undefined ? {} : { value, arguments: args }),
    uris,
    environment: { variables },
  };
}

function volumeOf(text: string): Volume {
  const [source, container_path, mode = 'rw', ...rest] = text.split(':');
  if (!source || !container_path || rest.length > 0 || (mode !== 'rw' && mode !== 'ro')) {
    throw invalid('--volume', text, 'expected SOURCE:PATH or SOURCE:PATH:ro');
  }
  const volume = { container_path, mode: mode === 'ro' ? ('RO' as const) : ('RW' as const) };
  if (source.startsWith('/')) return { ...volume, host_path: source };
  return { ...volume, source: { type: 'DOCKER_VOLUME', docker_volume: { name: source } } };
}

function portOf(text: string): ContainerInfoDockerInfoPortMapping {
  const match = /^(\d+):(\d+)(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) throw invalid('--publish', text, 'expected HOST:CONTAINER, e.g. 31000:80');
  const [, host, container, protocol] = match;
  return {
    host_port: Number(host),
    container_port: Number(container),
    ...(protocol === undefined ? {} : { protocol }),
  };
}

function pair(text: string, flag: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw invalid(flag, text, 'expected NAME=VALUE');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function invalid(flag: string, value: string, why: string): MesitaError {
  return new MesitaError('MESITA_FLAG_INVALID', { message: `${flag}=${value}: ${why}` });
}
