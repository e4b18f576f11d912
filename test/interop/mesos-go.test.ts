import { join } from 'node:path';
import { testOperator } from './operator-journeys.ts';
import { testScheduler } from './scheduler-journeys.ts';
import { prepareGo } from './toolchains.ts';

// mesos-go v0.0.11 (api/v1): protobuf and JSON, decoded into structs by code of its own.

const toolchain = await prepareGo();
const reads = [
  'GET_HEALTH',
  'GET_FLAGS',
  'GET_VERSION',
  'GET_METRICS',
  'GET_LOGGING_LEVEL',
  'GET_STATE',
  'GET_FRAMEWORKS',
  'GET_EXECUTORS',
  'GET_OPERATIONS',
  'GET_TASKS',
];
const readsOfMaster = [
  'GET_AGENTS',
  'GET_ROLES',
  'GET_MASTER',
  'GET_MAINTENANCE_STATUS',
  'GET_MAINTENANCE_SCHEDULE',
  'GET_WEIGHTS',
  'GET_QUOTA',
];

for (const codec of ['protobuf', 'json']) {
  testScheduler({
    title: `a scheduler on mesos-go, in ${codec}`,
    toolchain,
    command: (directory, options) => ({
      file: join(directory, 'interop'),
      args: ['scheduler', JSON.stringify({ ...options, codec })],
      directory: options.directory,
    }),
    calls: ['suppress', 'request'],
    together: 3,
    unknown: 'TASK_GONE',
    reconnects: true,
  });

  testOperator({
    title: `an operator on mesos-go, in ${codec}`,
    toolchain,
    command: (library, directory, options) => ({
      file: join(library, 'interop'),
      args: ['operator', JSON.stringify({ ...options, codec })],
      directory,
    }),
    reads: { master: [...reads, ...readsOfMaster], agent: [...reads, 'GET_AGENT', 'GET_CONTAINERS'] },
    tearsDown: true,
  });
}
