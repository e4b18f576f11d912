import { domain } from '../runtime/domain-flag.ts';
import { duration } from '../runtime/duration-flag.ts';
import { boolean, type Flag, type FlagValues, integer, oneOf, text } from '../runtime/flags.ts';
import { logFlags } from '../runtime/log-flags.ts';
import { parseZooKeeperUrl, shownZooKeeperUrl } from '../runtime/zookeeper/zookeeper-url.ts';
import { parseMinimum } from './allocator/minimum.ts';
import { sortings } from './allocator/sorting.ts';
import { parseRateLimits } from './rate-limits/rate-limit-table.ts';
import { parseRemovalRate } from './removal-pace.ts';

/** The parser that the text must pass; the text is kept, to be shown. */
function textFor(parse: (value: string) => { value: unknown } | { error: string }) {
  return (value: string): { value: string } | { error: string } => {
    const parsed = parse(value);
    return 'error' in parsed ? parsed : { value };
  };
}

function tenMinutesOrMore(value: string): { value: number } | { error: string } {
  const parsed = duration(value);
  return 'value' in parsed && parsed.value < 600 ? { error: 'expected 10mins or more' } : parsed;
}

/** As a share: 1 for 100%. */
export function percentage(value: string): { value: number } | { error: string } {
  const number = Number(/^(\d+(\.\d+)?)%$/.exec(value)?.[1]);
  return number <= 100 ? { value: number / 100 } : { error: 'expected a percentage such as 50%' };
}

function share(value: string): { value: number } | { error: string } {
  const number = Number(value);
  return value.trim() !== '' && number >= 0 && number <= 1
    ? { value: number }
    : { error: 'expected a number from 0 to 1' };
}

function zooKeeperUrl(value: string): { value: string } | { error: string } {
  const parsed = parseZooKeeperUrl(value);
  return 'error' in parsed ? parsed : { value };
}

export const masterFlags = {
  ip: { form: 'ADDRESS', help: 'Address to listen on.', default: '127.0.0.1', mesos: true, parse: text },
  port: {
    form: 'NUMBER',
    help: 'Port to listen on; 0 takes a free one.',
    default: '5050',
    mesos: true,
    parse: integer(0, 65535),
  },
  hostname: { form: 'NAME', help: 'Name under which others reach this master.', mesos: true, parse: text },
  advertise_ip: { form: 'ADDRESS', help: 'Address under which others reach this master.', mesos: true, parse: text },
  work_dir: {
    form: 'DIRECTORY',
    help: 'Where the registry and artifacts are kept.',
    default: '/var/lib/mesita/master',
    mesos: true,
    parse: text,
  },
  allocation_interval: {
    form: 'DURATION',
    help: 'Time between batch allocations.',
    default: '1secs',
    mesos: true,
    parse: duration,
  },
  role_sorter: {
    form: 'SORTER',
    help: `Whose turn it is among roles: ${sortings.join(', ')}.`,
    default: 'drf',
    mesos: true,
    parse: oneOf(...sortings),
  },
  framework_sorter: {
    form: 'SORTER',
    help: 'Whose turn it is among the frameworks of a role, in the same way.',
    default: 'drf',
    mesos: true,
    parse: oneOf(...sortings),
  },
  fair_sharing_excluded_resource_names: {
    form: 'NAME,…',
    help: 'Resources that do not count in fair sharing.',
    mesos: true,
    parse: text,
  },
  agent_ping_timeout: {
    form: 'DURATION',
    help: 'Time between pings of an agent.',
    default: '15secs',
    mesos: true,
    parse: duration,
  },
  max_agent_ping_timeouts: {
    form: 'NUMBER',
    help: 'Unanswered pings until an agent is unreachable.',
    default: '5',
    mesos: true,
    parse: integer(1, 1000),
  },
  agent_removal_rate_limit: {
    form: 'NUMBER/DURATION',
    help: 'How fast agents that do not answer are given up, e.g. 1/10mins; unset: all at once.',
    mesos: true,
    parse: textFor(parseRemovalRate),
  },
  rate_limits: {
    form: 'JSON',
    help: 'How many calls a second are taken up of the frameworks of each principal, and how many may wait.',
    mesos: true,
    parse: textFor(parseRateLimits),
  },
  offer_timeout: {
    form: 'DURATION',
    help: 'Time until an unanswered offer is rescinded.',
    mesos: true,
    parse: duration,
  },
  preemption: {
    form: '',
    help: 'Kill tasks of roles that hold more than their quota guarantee for roles that have less than theirs.',
    default: 'false',
    mesos: false,
    parse: boolean,
  },
  preemption_delay: {
    form: 'DURATION',
    help: 'How long a role has less than its guarantee before others lose tasks for it.',
    default: '30secs',
    mesos: false,
    parse: duration,
  },
  max_completed_frameworks: {
    form: 'NUMBER',
    help: 'Completed frameworks to remember.',
    default: '50',
    mesos: true,
    parse: integer(0, 1e6),
  },
  max_completed_tasks_per_framework: {
    form: 'NUMBER',
    help: 'Completed tasks to remember of each framework.',
    default: '1000',
    mesos: true,
    parse: integer(0, 1e6),
  },
  max_unreachable_tasks_per_framework: {
    form: 'NUMBER',
    help: 'Unreachable tasks to remember of each framework.',
    default: '1000',
    mesos: true,
    parse: integer(0, 1e6),
  },
  zk: {
    form: 'ZK',
    help: 'Where several masters elect one that leads, and keep the registry: zk://[user:password@]host:port,host:port/path. Unset: this master leads.',
    mesos: true,
    parse: zooKeeperUrl,
    show: shownZooKeeperUrl,
  },
  zk_session_timeout: {
    form: 'DURATION',
    help: 'How long a session with ZooKeeper outlives its last sign of life: the time until another master leads.',
    default: '10secs',
    mesos: true,
    parse: duration,
  },
  quorum: {
    form: 'NUMBER',
    help: 'Taken for the sake of Mesos’ users: ZooKeeper’s own majority is what counts.',
    mesos: true,
    parse: integer(1, 1000),
  },
  registry: {
    form: 'STORAGE',
    help: 'replicated_log: a new master knows what the one before knew, from the work directory, or from ZooKeeper with --zk; in_memory: it knows nothing.',
    default: 'replicated_log',
    mesos: true,
    parse: oneOf('replicated_log', 'in_memory'),
  },
  registry_store_timeout: {
    form: 'DURATION',
    help: 'How long a write of the registry may take before the master ends.',
    default: '20secs',
    mesos: true,
    parse: duration,
  },
  registry_fetch_timeout: {
    form: 'DURATION',
    help: 'How long reading the registry may take before the master ends.',
    default: '1mins',
    mesos: true,
    parse: duration,
  },
  agent_reregister_timeout: {
    form: 'DURATION',
    help: 'How long agents, and frameworks, have to come back to a new master; 10mins or more.',
    default: '10mins',
    mesos: true,
    parse: textFor(tenMinutesOrMore),
  },
  recovery_agent_removal_limit: {
    form: 'PERCENT%',
    help: 'A new master to which more of its agents do not come back in time ends, rather than give them up.',
    default: '100%',
    mesos: true,
    parse: textFor(percentage),
  },
  allocator_agent_recovery_factor: {
    form: 'SHARE',
    help: 'Where there are quotas, a new master makes no offers before this share of its agents is back, from 0 to 1.',
    default: '0.8',
    mesos: true,
    parse: textFor(share),
  },
  allocator_recovery_timeout: {
    form: 'DURATION',
    help: 'How long it waits for them at the most.',
    default: '10mins',
    mesos: true,
    parse: duration,
  },
  registry_gc_interval: {
    form: 'DURATION',
    help: 'Time between looks at which unreachable and gone agents are to be forgotten.',
    default: '15mins',
    mesos: true,
    parse: duration,
  },
  registry_max_agent_age: {
    form: 'DURATION',
    help: 'How long unreachable and gone agents are remembered.',
    default: '2weeks',
    mesos: true,
    parse: duration,
  },
  registry_max_agent_count: {
    form: 'NUMBER',
    help: 'Unreachable agents to remember, and as many gone ones.',
    default: '102400',
    mesos: true,
    parse: integer(0, 1e7),
  },
  roles: {
    form: 'ROLE,ROLE',
    help: 'The roles that frameworks may have besides *; unset: all.',
    mesos: true,
    parse: text,
  },
  root_submissions: {
    form: '',
    help: 'Let frameworks of the user root subscribe.',
    default: 'true',
    mesos: true,
    parse: boolean,
  },
  min_allocatable_resources: {
    form: 'NAME:AMOUNT|…',
    help: 'The least that is worth an offer; frameworks may say otherwise for theirs. Alternatives are separated by |.',
    default: 'cpus:0.01|mem:32',
    mesos: true,
    parse: textFor(parseMinimum),
  },
  filter_gpu_resources: {
    form: '',
    help: 'Offer agents with GPUs to frameworks with GPU_RESOURCES only.',
    default: 'true',
    mesos: true,
    parse: boolean,
  },
  max_operator_event_stream_subscribers: {
    form: 'NUMBER',
    help: 'Subscribers of the operator event stream at the most; one more closes the oldest.',
    default: '1000',
    mesos: true,
    parse: integer(1, 1e6),
  },
  domain: {
    form: 'JSON',
    help: 'Region and zone of this master; agents of other regions are for frameworks with REGION_AWARE.',
    mesos: true,
    parse: domain,
  },
  artifact_capacity: {
    form: 'MEGABYTES',
    help: 'Room for files that clients hand over for their tasks, in MB.',
    default: '10240',
    mesos: false,
    parse: integer(1, 1e9),
  },
  max_stream_backlog: {
    form: 'MEGABYTES',
    help: 'What may wait for a subscriber that does not read, in MB, before its stream is closed.',
    default: '32',
    mesos: false,
    parse: integer(1, 1e6),
  },
  ...logFlags,
} as const satisfies Record<string, Flag<unknown>>;

export type MasterFlags = FlagValues<typeof masterFlags>;
