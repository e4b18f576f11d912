import type { FrameworkInfo, FrameworkInfoCapabilityType } from '../protocol/messages.ts';
import type { FrameworkGroup } from './scenario.ts';

// Seconds that a framework may be away.
const failoverTimeout = 7 * 86_400;

export function frameworkInfo(group: FrameworkGroup, name: string, id: string | undefined): FrameworkInfo {
  const { role, priority, partitionAware } = group;
  const capabilities: FrameworkInfoCapabilityType[] = [
    'MULTI_ROLE',
    'RESERVATION_REFINEMENT',
    ...(partitionAware ? (['PARTITION_AWARE'] as const) : []),
  ];
  return {
    user: 'root',
    name,
    ...(id === undefined ? {} : { id: { value: id } }),
    roles: [role],
    failover_timeout: failoverTimeout,
    capabilities: capabilities.map((type) => ({ type })),
    ...(priority === undefined ? {} : { labels: { labels: [{ key: 'priority', value: String(priority) }] } }),
  };
}
