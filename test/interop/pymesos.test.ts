import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { makeBundle } from '../support/program-bundle.ts';
import { testExecutor } from './executor-journeys.ts';
import { testOperator } from './operator-journeys.ts';
import { testScheduler } from './scheduler-journeys.ts';
import { preparePython } from './toolchains.ts';

// PyPI's pymesos 0.3.15: JSON, on sockets of its own.

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

testExecutor({
  title: 'an executor on PyPI’s pymesos',
  toolchain,
  bundle: async (library, archive) => {
    // No image here has Python: it comes along, with its libraries.
    const tell =
      'import os, sys, sysconfig; print(os.path.realpath(sys.executable), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))';
    const { stdout } = await promisify(execFile)(join(library, 'bin/python3'), ['-c', tell]);
    const [program = '', standard = '', packages = ''] = stdout.trim().split(' ');
    const extensions = join(standard, 'lib-dynload');
    await makeBundle(archive, {
      program,
      modules: (await readdir(extensions)).map((name) => join(extensions, name)),
      files: {
        [join('lib', basename(standard))]: standard,
        packages,
        'packages/http_parser': join(scripts, 'http_parser'),
        'executor.py': join(scripts, 'executor.py'),
      },
      leaveOut: /\/(__pycache__|tests?|idlelib|lib2to3|ensurepip|(dist|site)-packages|config-[^/]+|pip|setuptools)$/,
      environment: { PYTHONHOME: '$HERE', PYTHONPATH: '$HERE/packages', PYTHONDONTWRITEBYTECODE: '1' },
      args: ['$HERE/executor.py'],
    });
  },
  command: './run',
});
