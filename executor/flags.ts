import { duration } from '../runtime/duration-flag.ts';
import { type Flag, oneOf } from '../runtime/flags.ts';

/** The flags of mesita-executor. */
export const executorFlags = {
  usage_interval: {
    form: 'DURATION',
    help: 'How often the processes of the tasks are measured and memory limits are looked after; less often where that would take more than 1 % of a core.',
    default: '1secs',
    mesos: false,
    parse: duration,
  } satisfies Flag<number>,
  idle_timeout: {
    form: 'DURATION',
    help: 'End when there was no task for so long; without it the executor stays until the framework shuts it down.',
    mesos: false,
    parse: duration,
  } satisfies Flag<number>,
  logging_level: {
    form: 'LEVEL',
    help: 'The least level that is logged on stderr: debug, info, warn or error.',
    default: 'info',
    mesos: false,
    parse: oneOf('debug', 'info', 'warn', 'error'),
  } satisfies Flag<'debug' | 'info' | 'warn' | 'error'>,
};
