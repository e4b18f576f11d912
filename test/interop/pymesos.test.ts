import { join } from 'node:path';
import { testOperator } from './operator-journeys.ts';
import { testScheduler } from './scheduler-journeys.ts';
import { preparePython } from './toolchains.ts';

// PyPI's pymesos 0.3.15: JSON, on sockets of its own. Its executor joins in when agents run executors.

const toolchain = await preparePython();
const scripts = join(import.meta.dirname, 'python');

/** A script of ours on the library, in its virtual environment. */
function python(library: string, directory: string, script: string, options: object) {
  return {
    file: join(library, 'bin/python3'),
    args: [join(scripts, script), JSON.stringify(options)],
    directory,
    environment: { PYTHONPATH: scripts, PYTHONDONTWRITEBYTECODE: '1' },
  };
}

testScheduler({
  title: 'a scheduler on PyPI’s pymesos',
  toolchain,
  command: (library, options) => python(library, options.directory, 'scheduler.py', options),
  calls: ['suppress', 'request', 'reserve'],
  together: 3,
  unknown: 'TASK_LOST',
  reconnects: true,
  followsLeader: true,
});

const reads = ['HEALTH', 'FLAGS', 'VERSION', 'METRICS', 'LOGGING_LEVEL', 'STATE', 'FRAMEWORKS', 'EXECUTORS', 'TASKS'];
const readsOfMaster = ['AGENTS', 'ROLES', 'MASTER', 'MAINTENANCE_STATUS', 'MAINTENANCE_SCHEDULE', 'WEIGHTS', 'QUOTA'];

testOperator({
  title: 'an operator on PyPI’s pymesos',
  toolchain,
  command: (library, directory, options) => python(library, directory, 'operator_calls.py', options),
  reads: {
    master: [...reads, ...readsOfMaster].map((name) => `GET_${name}`),
    agent: [...reads, 'CONTAINERS'].map((name) => `GET_${name}`),
  },
  tearsDown: false,
});
