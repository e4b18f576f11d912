import type { MasterCall, MasterCallType } from '../../protocol/messages.ts';

/** Calls that come with a member named after them. */
const withMember: ReadonlySet<MasterCallType> = new Set([
  'GET_METRICS',
  'SET_LOGGING_LEVEL',
  'LIST_FILES',
  'READ_FILE',
  'UPDATE_WEIGHTS',
  'RESERVE_RESOURCES',
  'UNRESERVE_RESOURCES',
  'CREATE_VOLUMES',
  'DESTROY_VOLUMES',
  'GROW_VOLUME',
  'SHRINK_VOLUME',
  'UPDATE_MAINTENANCE_SCHEDULE',
  'START_MAINTENANCE',
  'STOP_MAINTENANCE',
  'DRAIN_AGENT',
  'DEACTIVATE_AGENT',
  'REACTIVATE_AGENT',
  'UPDATE_QUOTA',
  'SET_QUOTA',
  'REMOVE_QUOTA',
  'TEARDOWN',
  'MARK_AGENT_GONE',
]);

/** The first thing wrong with a decoded operator call, in Mesos' words; undefined when it may be carried out. */
export function invalidOperatorCall(call: MasterCall): string | undefined {
  const { type } = call;
  if (type === undefined) return "Expecting 'type' to be present";
  const member = type.toLowerCase();
  if (withMember.has(type) && call[member as keyof MasterCall] === undefined) {
    return `Expecting '${member}' to be present`;
  }
  return undefined;
}
