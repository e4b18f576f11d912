import { invalidId } from '../../protocol/ids.ts';
import type { AgentCall, AgentCallType, ContainerID } from '../../protocol/messages.ts';

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
  return invalidContainer(call, type);
}

/** Calls about containers that have a parent. */
const aboutNested: ReadonlySet<AgentCallType> = new Set([
  'LAUNCH_NESTED_CONTAINER',
  'WAIT_NESTED_CONTAINER',
  'KILL_NESTED_CONTAINER',
  'REMOVE_NESTED_CONTAINER',
  'LAUNCH_NESTED_CONTAINER_SESSION',
]);

function invalidContainer(call: AgentCall, type: AgentCallType): string | undefined {
  const member = type.toLowerCase();
  const content: unknown = call[member as keyof AgentCall];
  if (typeof content !== 'object' || content === null || !('container_id' in content)) {
    const input = call.attach_container_input;
    if (type !== 'ATTACH_CONTAINER_INPUT' || input?.type !== 'CONTAINER_ID') return undefined;
    return "Expecting 'attach_container_input.container_id' to be present";
  }
  const id = content.container_id as ContainerID;
  const wrong = invalidContainerId(id);
  if (wrong !== undefined) return `'${member}.container_id' is invalid: ${wrong}`;
  return aboutNested.has(type) && id.parent === undefined
    ? `Expecting '${member}.container_id.parent' to be present`
    : undefined;
}

function invalidContainerId({ value, parent }: ContainerID): string | undefined {
  const wrong = invalidId(value);
  if (wrong !== undefined) return wrong;
  if (/[. ]/.test(value)) return `'ContainerID.value' '${value}' contains invalid characters`;
  const above = parent && invalidContainerId(parent);
  return above === undefined ? undefined : `'ContainerID.parent' is invalid: ${above}`;
}
