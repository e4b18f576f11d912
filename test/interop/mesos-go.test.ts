import { join } from 'node:path';
import { testScheduler } from './scheduler-journeys.ts';
import { prepareGo } from './toolchains.ts';

// mesos-go v0.0.11 (api/v1): protobuf and JSON, decoded into structs by code of its own.

const toolchain = await prepareGo();

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
}
