import type { TaskInfo, TaskResourceLimitation } from '../protocol/messages.ts';
import { scalarOf } from '../protocol/resources.ts';

const megabyte = 2 ** 20;

/** MB; undefined: the task may use what its executor's container has. */
export function memoryLimit({ limits, resources = [] }: TaskInfo): number | undefined {
  const limit = limits?.mem?.value ?? scalarOf(resources, 'mem');
  return limit > 0 && Number.isFinite(limit) ? limit : undefined;
}

/** What to say of a task that uses more than its limit (MB); undefined while it does not. */
export function memoryExcess(
  limit: number | undefined,
  { memoryBytes, peakBytes }: { memoryBytes: number; peakBytes: number },
): { message: string; limitation: TaskResourceLimitation } | undefined {
  if (limit === undefined || memoryBytes <= limit * megabyte) return undefined;
  const peak = Math.round((peakBytes / megabyte) * 10) / 10;
  return {
    message: `Memory limit exceeded: limit ${limit} MB, peak ${peak} MB. Ask for more mem, or let the task use less`,
    limitation: { resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: limit }, role: '*' }] },
  };
}
