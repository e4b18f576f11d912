interface ErrorEntry {
  readonly meaning: string;
  readonly retryable: boolean;
  readonly remedy: string;
}

/**
 * Every error code that mesita gives out. docs/errors.md lists the same codes; a test compares the two.
 * Add a code here first, then to the page.
 */
export const errorCatalogue = {
  MESITA_FLAG_UNKNOWN: {
    meaning: 'A flag that the command does not have',
    retryable: false,
    remedy: 'Run the command with --help to see its flags.',
  },
  MESITA_FLAG_INVALID: {
    meaning: 'A flag whose value cannot be read, or a required flag that is missing',
    retryable: false,
    remedy: 'Run the command with --help to see the form of the value.',
  },
  MESITA_SCENARIO_INVALID: {
    meaning: 'A scenario for the simulator that is not there or cannot be read',
    retryable: false,
    remedy: 'The message says where it is wrong; docs/simulator.md has all keys, `mesita sim --list` the scenarios.',
  },
  MESITA_PORT_IN_USE: {
    meaning: 'Another process listens on the port',
    retryable: false,
    remedy: 'Stop the other process, or choose another port with --port.',
  },
  MESITA_LISTEN_FAILED: {
    meaning: 'The address cannot be listened on',
    retryable: false,
    remedy: 'Choose an address of this machine with --ip.',
  },
  MESITA_WORK_DIR_UNUSABLE: {
    meaning: 'The work directory cannot be made or written to',
    retryable: false,
    remedy: 'Free some space, or choose a directory that this user may write to with --work_dir.',
  },
  MESITA_WORK_DIR_IN_USE: {
    meaning: 'Another master or agent runs with the same work directory',
    retryable: true,
    remedy: 'Stop the other one, or choose another directory with --work_dir.',
  },
  MESITA_DATABASE_TOO_NEW: {
    meaning: 'A later version of mesita has written the state in the work directory',
    retryable: false,
    remedy: 'Start the version that wrote it, or choose another directory with --work_dir.',
  },
  MESITA_DATABASE_FAILED: {
    meaning: 'The state in the work directory cannot be read or written',
    retryable: false,
    remedy: 'Look at the disk, and at who may write the named file; restore it from a copy if it is damaged.',
  },
  MESITA_REGISTRY_FENCED: {
    meaning: 'Another master has taken over the registry',
    retryable: true,
    remedy: 'None is needed: the other one leads. Start this one again and it stands by.',
  },
  MESITA_REGISTRY_TIMEOUT: {
    meaning: 'The registry did not take or give what it should in time',
    retryable: true,
    remedy:
      'Look at the disk or the ZooKeeper servers that it is kept on; --registry_store_timeout and --registry_fetch_timeout are how long a master waits.',
  },
  MESITA_REGISTRY_INVALID: {
    meaning: 'What the registry holds cannot be understood',
    retryable: false,
    remedy: 'Restore it from a copy, or begin with an empty one: agents and frameworks come back by themselves.',
  },
  MESITA_AGENTS_MISSING: {
    meaning: 'More agents did not come back to a new master than it may give up',
    retryable: true,
    remedy: 'Find out why they cannot reach the master; --recovery_agent_removal_limit is how many it may give up.',
  },
  MESITA_ZOOKEEPER_UNREACHABLE: {
    meaning: 'No ZooKeeper server answers, or the session with them is over',
    retryable: true,
    remedy:
      'Look at the servers that the zk:// URL names; a master ends for it, and is started again by whoever looks after it.',
  },
  MESITA_ZOOKEEPER_REFUSED: {
    meaning: 'The ZooKeeper servers refuse what was asked of them',
    retryable: false,
    remedy: 'Check user, password and path of the zk:// URL, and who may write below the path.',
  },
  MESITA_LEADERSHIP_LOST: {
    meaning: 'A master that led does not lead any more',
    retryable: true,
    remedy:
      'Nothing where it is started again by itself: another master leads. If it goes on, look at the ZooKeeper servers and the network.',
  },
  MESITA_LOG_DIR_UNUSABLE: {
    meaning: 'The log file cannot be made or written to',
    retryable: false,
    remedy: 'Free some space, or choose a directory that this user may write to with --log_dir.',
  },
  MESITA_CHECKPOINT_INVALID: {
    meaning: 'What an earlier run of the agent wrote down about reservations and volumes cannot be read',
    retryable: false,
    remedy: 'Restore the named file; or remove it, and with it the memory of all reservations and persistent volumes.',
  },
  MESITA_CHECKPOINT_INCOMPATIBLE: {
    meaning:
      'The agent has less than what is reserved on it or used by its tasks, or has changed in a way that --reconfiguration_policy excludes',
    retryable: false,
    remedy: 'Start the agent with at least the --resources that it had, or end its tasks first with --recover=cleanup.',
  },
  MESITA_MASTER_UNREACHABLE: {
    meaning: 'No master answers at the address',
    retryable: true,
    remedy: 'Start one with `mesita up` or `mesita dev`, or name another with --master.',
  },
  MESITA_MASTER_REFUSED: {
    meaning: 'The master answered a call with an error',
    retryable: false,
    remedy: 'The message says what the master objects to.',
  },
  MESITA_AGENT_UNREACHABLE: {
    meaning: 'The agent does not answer its executor, or was away for longer than the executor may wait',
    retryable: true,
    remedy: 'Nothing: the executor ends its tasks, and the agent says so to the framework when it is back.',
  },
  MESITA_AGENT_REFUSED: {
    meaning: 'The agent answered an executor’s call with an error',
    retryable: false,
    remedy: 'The message says what the agent objects to; an executor that the agent does not know can only end.',
  },
  MESITA_EXECUTOR_ENVIRONMENT: {
    meaning: 'An executor was started without what an agent tells its executors in their environment',
    retryable: false,
    remedy: 'Let an agent start it: name it in the `executor` of a task.',
  },
  MESITA_FRAMEWORK_REMOVED: {
    meaning: 'The framework was torn down, or was away for longer than its failover timeout',
    retryable: false,
    remedy: 'Start it without the old framework id: that one never comes back.',
  },
  MESITA_FRAMEWORK_FAILED_OVER: {
    meaning: 'Another scheduler has subscribed under the same framework id',
    retryable: false,
    remedy: 'Let one of the two run.',
  },
  MESITA_STREAM_BROKEN: {
    meaning: 'A stream of records ended early or holds something that is not a record',
    retryable: true,
    remedy: 'The connection is made again by itself; if it goes on, look for a proxy in between.',
  },
  MESITA_MESSAGE_INVALID: {
    meaning: 'A message does not have the form that the API asks for',
    retryable: false,
    remedy: 'The message names the field.',
  },
  MESITA_NOT_FOUND: {
    meaning: 'No task, agent, framework or file of that name',
    retryable: false,
    remedy: 'List what there is with `mesita ps -a` or `mesita nodes`.',
  },
  MESITA_AGENT_NOT_REACHED: {
    meaning: 'A command that talks with a task’s agent itself cannot reach it',
    retryable: true,
    remedy: 'Call `mesita exec` where the agent’s address and port answer: it does not go by way of the master.',
  },
  MESITA_EXEC_FAILED: {
    meaning: 'An agent does not run a command in a task’s container',
    retryable: false,
    remedy: 'The message is the agent’s own. The task has to be running, in a container.',
  },
  MESITA_AMBIGUOUS: {
    meaning: 'The name stands for more than one task or agent',
    retryable: false,
    remedy:
      'Use the whole id, as `mesita ps -a` or `mesita nodes` prints it; tell tasks of one id apart by --framework.',
  },
  MESITA_ENGINE_UNREACHABLE: {
    meaning: 'No Docker engine answers',
    retryable: true,
    remedy:
      'Install and start Docker (Debian: `apt-get install docker.io`), name its socket with --docker_socket, or run commands without it: --containerizers=process.',
  },
  MESITA_ENGINE_FAILED: {
    meaning: 'The Docker engine refused or failed an operation',
    retryable: false,
    remedy: 'The message is the engine’s own.',
  },
  MESITA_IMAGE_UNAVAILABLE: {
    meaning: 'An image is neither on the machine nor to be pulled',
    retryable: false,
    remedy: 'Check the image’s name and that its registry can be reached, or load it with `docker load`.',
  },
  MESITA_CONTAINER_INVALID: {
    meaning: 'A container cannot be made as it is described',
    retryable: false,
    remedy: 'The message names what is wrong in the task’s container, command or resources.',
  },
  MESITA_FETCH_FAILED: {
    meaning: 'A URI of a task cannot be fetched',
    retryable: true,
    remedy: 'Check that the URI can be reached from the agent’s host.',
  },
  MESITA_ARCHIVE_UNSAFE: {
    meaning: 'An archive would write outside the sandbox, or holds more than is allowed',
    retryable: false,
    remedy: 'Pack the archive again with relative paths inside it only, or set extract to false.',
  },
  MESITA_ARCHIVE_INVALID: {
    meaning: 'An archive cannot be read',
    retryable: false,
    remedy: 'Check that the file is whole and is what its suffix says.',
  },
  MESITA_DISK_FULL: {
    meaning: 'The disk has no room left',
    retryable: true,
    remedy: 'Free some space on the named directory’s disk.',
  },
  MESITA_TASK_FAILED: {
    meaning: 'A task that others depend on did not finish',
    retryable: true,
    remedy: 'The message says why; `mesita logs TASK` prints what the task wrote.',
  },
  MESITA_COMPOSE_FAILED: {
    meaning: 'docker compose is missing or failed',
    retryable: false,
    remedy: 'Install the compose plugin (Debian: `apt-get install docker-compose`); `mesita doctor` checks the rest.',
  },
  MESITA_INTERNAL: {
    meaning: 'A bug in mesita',
    retryable: false,
    remedy: 'Please report it with the message and what you did.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
