import { parseAttributes, parseResources } from '../protocol/resource-text.ts';
import { invalidResources } from '../protocol/resource-validation.ts';
import { invalidRole } from '../protocol/roles.ts';
import { bytes } from '../runtime/bytes-flag.ts';
import { domain } from '../runtime/domain-flag.ts';
import { duration } from '../runtime/duration-flag.ts';
import { boolean, type Flag, type FlagValues, integer, text } from '../runtime/flags.ts';
import { logFlags } from '../runtime/log-flags.ts';
import { isZooKeeperUrl, parseZooKeeperUrl, shownZooKeeperUrl } from '../runtime/zookeeper/zookeeper-url.ts';
import type { Containerizer } from './engine-choice.ts';
import { parseImageGcConfig } from './image-gc-plan.ts';
import { estimatorChoice } from './oversubscription/estimator.ts';
import { qosChoice } from './oversubscription/qos-controller.ts';
import { parseDockerConfig } from './registry-credentials.ts';

function resources(value: string): { value: string } | { error: string } {
  const parsed = parseResources(value, '*');
  if ('error' in parsed) return parsed;
  // As the master would say it, who asks again and again otherwise.
  const reason = invalidResources(parsed.value);
  return reason === undefined ? { value } : { error: reason };
}

function attributes(value: string): { value: string } | { error: string } {
  const parsed = parseAttributes(value);
  return 'error' in parsed ? parsed : { value };
}

function role(value: string): { value: string } | { error: string } {
  const reason = invalidRole(value);
  return reason === undefined ? { value } : { error: reason };
}

function masters(value: string): { value: string } | { error: string } {
  if (!isZooKeeperUrl(value)) return { value };
  const parsed = parseZooKeeperUrl(value);
  return 'error' in parsed ? parsed : { value };
}

function part(value: string): { value: number } | { error: string } {
  const number = Number(value);
  const good = /^[\d.]+$/.test(value) && number >= 0 && number <= 1;
  return good ? { value: number } : { error: 'expected a number from 0 to 1' };
}

function oneOf<Word extends string>(...words: Word[]) {
  return (value: string): { value: Word } | { error: string } => {
    const found = words.find((word) => word === value);
    return found === undefined ? { error: `expected one of ${words.join(', ')}` } : { value: found };
  };
}

function absolutePath(value: string): { value: string } | { error: string } {
  return value.startsWith('/') ? { value } : { error: 'expected the absolute path of a file, without file://' };
}

function containerizers(value: string): { value: Containerizer[] } | { error: string } {
  const known: Record<string, Containerizer> = { docker: 'docker', process: 'process', mesos: 'process' };
  const named = value.split(',').map((word) => word.trim());
  const unknown = named.find((word) => known[word] === undefined);
  if (unknown !== undefined) return { error: `'${unknown}' is none of docker and process` };
  return { value: [...new Set(named.flatMap((word) => known[word] ?? []))] };
}

export const agentFlags = {
  master: {
    form: 'HOST:PORT',
    help: 'The master to join; host:port,host:port of several, or zk://[user:password@]host:port,…/path where they elect a leader.',
    required: true,
    mesos: true,
    parse: masters,
    show: shownZooKeeperUrl,
  },
  zk_session_timeout: {
    form: 'DURATION',
    help: 'How long a session with ZooKeeper outlives its last sign of life.',
    default: '10secs',
    mesos: true,
    parse: duration,
  },
  ip: { form: 'ADDRESS', help: 'Address to listen on.', default: '127.0.0.1', mesos: true, parse: text },
  port: {
    form: 'NUMBER',
    help: 'Port to listen on; 0 takes a free one.',
    default: '5051',
    mesos: true,
    parse: integer(0, 65535),
  },
  hostname: {
    form: 'NAME',
    help: 'Name of this host in offers; the machine’s own by default.',
    mesos: true,
    parse: text,
  },
  advertise_ip: { form: 'ADDRESS', help: 'Address under which others reach this agent.', mesos: true, parse: text },
  work_dir: {
    form: 'DIRECTORY',
    help: 'Where sandboxes are. One agent a directory.',
    default: '/var/lib/mesita/agent',
    mesos: true,
    parse: text,
  },
  resources: {
    form: 'LIST',
    help: 'What to offer, e.g. cpus:4;mem:2048;ports:[31000-32000]; what is not named is detected.',
    mesos: true,
    parse: resources,
  },
  resource_estimator: {
    form: 'ESTIMATOR',
    help: 'What may be offered besides, as revocable resources: fixed:RESOURCES (fixed:cpus:2;mem:512), or usage: what running tasks were given and do not use.',
    mesos: true,
    parse: estimatorChoice,
  },
  oversubscribed_resources_interval: {
    form: 'DURATION',
    help: 'Time between two estimates.',
    default: '15secs',
    mesos: true,
    parse: duration,
  },
  qos_controller: {
    form: 'CONTROLLER',
    help: 'When all that uses revocable resources is ended: load:5min=LOAD,15min=LOAD, or one of the two: above these load averages.',
    mesos: true,
    parse: qosChoice,
  },
  qos_correction_interval_min: {
    form: 'DURATION',
    help: 'The least time between two such corrections; never less than a second.',
    default: '0ns',
    mesos: true,
    parse: duration,
  },
  attributes: {
    form: 'LIST',
    help: 'What to tell of this host, e.g. rack:r1;disk:ssd; replaces detected attributes of the same name.',
    mesos: true,
    parse: attributes,
  },
  domain: {
    form: 'JSON',
    help: 'Region and zone of this host; the master must have one, too.',
    mesos: true,
    parse: domain,
  },
  default_role: { form: 'ROLE', help: 'The role of resources that name none.', default: '*', mesos: true, parse: role },
  containerizers: {
    form: 'LIST',
    help: 'What runs tasks: docker, process (commands as processes of the host; images are refused), or docker,process: processes where no Docker engine answers. mesos is another name of process.',
    default: 'docker',
    mesos: true,
    parse: containerizers,
  },
  docker_socket: {
    form: 'PATH',
    help: 'The Docker engine’s socket.',
    default: '/var/run/docker.sock',
    mesos: true,
    parse: text,
  },
  default_image: {
    form: 'IMAGE',
    help: 'The image of tasks that name none.',
    default: 'mesita/task:latest',
    mesos: false,
    parse: text,
  },
  docker_config: {
    form: 'JSON',
    help: 'Logins for image registries as `docker login` writes them: the JSON itself, or the absolute path of a file.',
    mesos: true,
    mayBePath: true,
    secret: true,
    parse: parseDockerConfig,
  },
  cgroups_enable_cfs: {
    form: '',
    help: 'Limit CPU time to what a task asked for, instead of sharing out what is there.',
    default: 'true',
    mesos: true,
    parse: boolean,
  },
  pids_limit: {
    form: 'NUMBER',
    help: 'Processes and threads in a container at the most; 0 for no limit.',
    default: '4096',
    mesos: false,
    parse: integer(0, 4_194_304),
  },
  launch_concurrency: {
    form: 'NUMBER',
    help: 'Containers to make at a time.',
    default: '4',
    mesos: false,
    parse: integer(1, 64),
  },
  image_gc_config: {
    form: 'JSON',
    help: 'Removes images that this agent pulled when the disk is full, e.g. {"image_disk_headroom": 0.1}; JSON or the absolute path of a file.',
    mesos: true,
    mayBePath: true,
    parse: parseImageGcConfig,
  },
  enforce_container_disk_quota: {
    form: '',
    help: 'End a task whose sandbox takes more than the disk that it asked for.',
    default: 'true',
    mesos: true,
    parse: boolean,
  },
  container_disk_watch_interval: {
    form: 'DURATION',
    help: 'Time between two looks at how much sandboxes take.',
    default: '15secs',
    mesos: true,
    parse: duration,
  },
  max_log_size: {
    form: 'BYTES',
    help: 'The size at which a task’s stdout or stderr is put away as stdout.1 and begun anew; 0B for no limit.',
    default: '100MB',
    mesos: false,
    parse: bytes,
  },
  log_files: {
    form: 'NUMBER',
    help: 'Files that a task’s stdout (and its stderr) is kept in at the most, the one that is written to included.',
    default: '5',
    mesos: false,
    parse: integer(1, 1000),
  },
  gc_delay: {
    form: 'DURATION',
    help: 'How long sandboxes of what is over are kept while there is room.',
    default: '1weeks',
    mesos: true,
    parse: duration,
  },
  gc_disk_headroom: {
    form: 'PART',
    help: 'Sandboxes are kept for --gc_delay times (1 - this - the part of the disk in use).',
    default: '0.1',
    mesos: true,
    parse: part,
  },
  disk_watch_interval: {
    form: 'DURATION',
    help: 'Time between two looks at how full the disk is.',
    default: '1mins',
    mesos: true,
    parse: duration,
  },
  executor_registration_timeout: {
    form: 'DURATION',
    help: 'Time from the launch of an executor, downloads included, to its first word.',
    default: '1mins',
    mesos: true,
    parse: duration,
  },
  executor_reregistration_timeout: {
    form: 'DURATION',
    help: 'Time that executors have to come back to an agent that was started anew.',
    default: '20secs',
    mesos: true,
    parse: duration,
  },
  recover: {
    form: 'reconnect|cleanup',
    help: 'What to do with the tasks that an earlier run of this agent left: go on with them, or end them all and exit.',
    default: 'reconnect',
    mesos: true,
    parse: oneOf('reconnect', 'cleanup'),
  },
  recovery_timeout: {
    form: 'DURATION',
    help: 'How long executors look for an agent that is away, before they end themselves.',
    default: '15mins',
    mesos: true,
    parse: duration,
  },
  reconfiguration_policy: {
    form: 'equal|additive|any',
    help: 'What of --resources, --attributes, --hostname and --domain may differ from the last start: nothing, only more may be there, or anything that the running tasks fit into.',
    default: 'any',
    mesos: true,
    parse: oneOf('equal', 'additive', 'any'),
  },
  strict: {
    form: '',
    help: 'Do not start when something that was written down cannot be read; else what it was about is given up.',
    default: 'true',
    mesos: true,
    parse: boolean,
  },
  executor_shutdown_grace_period: {
    form: 'DURATION',
    help: 'Time that an executor has to end, and a task between SIGTERM and SIGKILL, where they say nothing else.',
    default: '5secs',
    mesos: true,
    parse: duration,
  },
  registration_backoff_factor: {
    form: 'DURATION',
    help: 'The first wait before dialling the master again.',
    default: '1secs',
    mesos: true,
    parse: duration,
  },
  fetcher_stall_timeout: {
    form: 'DURATION',
    help: 'Time without a byte after which a download is given up.',
    default: '1mins',
    mesos: true,
    parse: duration,
  },
  fetcher_max_size: {
    form: 'MEGABYTES',
    help: 'The largest file that a task may fetch, and the most that its archives may unpack to, in MB.',
    default: '20480',
    mesos: false,
    parse: integer(1, 1e9),
  },
  fetcher_cache_size: {
    form: 'BYTES',
    help: 'What downloads of URIs with cache may take on the disk, e.g. 2GB; those not used for the longest go first.',
    default: '2GB',
    mesos: true,
    parse: bytes,
  },
  fetcher_cache_dir: {
    form: 'DIRECTORY',
    help: 'Where downloads are kept, in a directory of the agent’s own; by default in --work_dir, which is the fastest.',
    mesos: true,
    parse: text,
  },
  fetcher_credentials: {
    form: 'PATH',
    help: 'A file of {"HOST:PORT": {"username": …, "password": …} or {"token": …}}: what to send for http(s) URIs of any task.',
    mesos: false,
    parse: absolutePath,
  },
  hadoop_client: {
    form: 'PROGRAM',
    help: 'The client for URIs of other schemes (hdfs, s3a, …), run as PROGRAM fs -copyToLocal URI FILE.',
    mesos: true,
    parse: text,
  },
  ...logFlags,
} as const satisfies Record<string, Flag<unknown>>;

export type AgentFlags = FlagValues<typeof agentFlags>;
