import { join } from 'node:path';
import { testScheduler } from './scheduler-journeys.ts';
import { preparePython } from './toolchains.ts';

// PyPI's pymesos 0.3.15: JSON, on sockets of its own. Its executor joins in when agents run executors.

const toolchain = await preparePython();
const scripts = join(import.meta.dirname, 'python');

for (const explicit of [false]) {
  testScheduler({
    title: 'a scheduler on PyPI’s pymesos',
    toolchain,
    command: (directory, options) => ({
      file: join(directory, 'bin/python3'),
      args: [join(scripts, 'scheduler.py'), JSON.stringify({ ...options, explicit })],
      directory: options.directory,
      environment: { PYTHONPATH: scripts, PYTHONDONTWRITEBYTECODE: '1' },
    }),
    calls: ['suppress', 'request'],
    together: 3,
    unknown: 'TASK_LOST',
    reconnects: true,
  });
}
