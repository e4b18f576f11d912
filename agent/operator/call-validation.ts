import type { AgentCall, AgentCallType } from '../../protocol/messages.ts';

/** Calls that may come without the member named after them. */
const withoutMember: ReadonlySet<AgentCallType> = new Set([
  'UNKNOWN',
  'GET_HEALTH',
  'GET_FLAGS',
  'GET_VERSION',
  'GET_LOGGING_LEVEL',
  'GET_STATE',
  'GET_CONTAINERS',
  'GET_FRAMEWORKS',
  'GET_EXECUTORS',
  'GET_OPERATIONS',
  'GET_TASKS',
  'GET_AGENT',
  'GET_RESOURCE_PROVIDERS',
  'PRUNE_IMAGES',
]);

/** The first thing wrong with a decoded call, in Mesos' words; undefined when it may be carried out. */
export function invalidAgentCall(call: AgentCall): string | undefined {
  const { type } = call;
  if (type === undefined) return "Expecting 'type' to be present";
  const member = type.toLowerCase();
  if (!withoutMember.has(type) && call[member as keyof AgentCall] === undefined)
    return `Expecting '${member}' to be present`;
  if (type === 'ATTACH_CONTAINER_INPUT' && call.attach_container_input?.type === undefined)
    return "Expecting 'attach_container_input.type' to be present";
  return undefined;
}
