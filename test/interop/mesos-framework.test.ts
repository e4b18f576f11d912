import { join } from 'node:path';
import { testScheduler } from './scheduler-journeys.ts';
import { prepareNode } from './toolchains.ts';

// npm's mesos-framework 0.5.3: JSON, with `null` for all that is unset; reads line by line, chunk by chunk.

testScheduler({
  title: 'a scheduler on npm’s mesos-framework',
  toolchain: await prepareNode(),
  command: (library, { master, ...options }) => {
    const [host, port] = master.split(':');
    const json = JSON.stringify({ ...options, host, port: Number(port) });
    return {
      file: process.execPath,
      args: ['--no-deprecation', join(import.meta.dirname, 'node/scheduler.ts'), library, json],
      directory: options.directory,
    };
  },
  calls: [],
  // It removes from its queue while it walks over it, and so skips every second task.
  together: 2,
  unknown: 'TASK_LOST',
  // It subscribes again once, and never again when that fails.
  reconnects: false,
  followsLeader: true,
});
