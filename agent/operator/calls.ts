import type { AgentCall, AgentCallType, AgentResponse } from '../../protocol/messages.ts';
import { readFiles } from '../../runtime/file-calls.ts';
import type { LoggingLevel } from '../../runtime/logging-level.ts';
import type { Snapshot } from '../../runtime/metrics-route.ts';
import type { ShownFiles } from '../../runtime/shown-files.ts';
import { versionInfo } from '../../runtime/version-document.ts';
import { operationMessages } from '../commands/operations.ts';
import type { ContainerStatistics } from '../container-statistics.ts';
import type { AgentIdentity } from '../identity.ts';
import type { NestedContainers } from '../nested/nested-containers.ts';
import type { AgentState } from '../state.ts';
import { containersOf } from './get-containers.ts';
import { nestedCalls } from './nested-calls.ts';
import type { Outcome } from './outcome.ts';
import { drainOf, getExecutors, getFrameworks, getState, getTasks } from './reads.ts';

/** What calls read and change. */
export interface Operated {
  readonly state: AgentState;
  readonly identity: () => AgentIdentity;
  readonly statistics: Pick<ContainerStatistics, 'measure'>;
  readonly metrics: () => Snapshot;
  readonly files: Pick<ShownFiles, 'list' | 'read'>;
  readonly nested: NestedContainers;
  readonly loggingLevel: Pick<LoggingLevel, 'level' | 'set'>;
}

type Handler = (operated: Operated, call: AgentCall) => Outcome | Promise<Outcome>;

function reading(read: (operated: Operated) => AgentResponse): Handler {
  return (operated) => ({ response: read(operated) });
}

/** A call that a later version will perform: said plainly, never passed over. */
const notYet: Handler = (_operated, { type }) => ({
  refusal: 'notImplemented',
  text: `${type} is not performed by this agent yet`,
});

const handlers: Record<AgentCallType, Handler> = {
  UNKNOWN: () => ({ refusal: 'notImplemented', text: '501 Not Implemented.' }),
  GET_HEALTH: reading(() => ({ get_health: { healthy: true } })),
  GET_VERSION: reading(({ identity }) => ({ get_version: { version_info: versionInfo(identity().startedAt) } })),
  GET_FLAGS: reading(({ identity }) => ({ get_flags: { flags: pairs(identity().flags) } })),
  GET_METRICS: reading(({ metrics }) => ({ get_metrics: { metrics: pairs(metrics()) } })),
  GET_LOGGING_LEVEL: reading(({ loggingLevel }) => ({ get_logging_level: { level: loggingLevel.level } })),
  SET_LOGGING_LEVEL: ({ loggingLevel }, { set_logging_level }) => {
    if (set_logging_level !== undefined)
      loggingLevel.set(set_logging_level.level, Number(set_logging_level.duration.nanoseconds) / 1e9);
    return 'done';
  },
  LIST_FILES: ({ files }, call) => readFiles(files, call),
  READ_FILE: ({ files }, call) => readFiles(files, call),
  GET_STATE: reading(({ state }) => ({ get_state: getState(state) })),
  GET_CONTAINERS: async (operated, call) => {
    const containers = await containersOf(operated, call);
    return { response: containers.length === 0 ? {} : { get_containers: { containers } } };
  },
  GET_FRAMEWORKS: reading(({ state }) => ({ get_frameworks: getFrameworks(state) })),
  GET_EXECUTORS: reading(({ state }) => ({ get_executors: getExecutors(state) })),
  GET_OPERATIONS: reading(({ state, identity }) => ({
    get_operations: { operations: operationMessages(state, identity().id ?? '') },
  })),
  GET_TASKS: reading(({ state }) => ({ get_tasks: getTasks(state) })),
  GET_AGENT: reading(({ state, identity }) => ({ get_agent: { agent_info: identity().info, ...drainOf(state) } })),
  GET_RESOURCE_PROVIDERS: reading(() => ({ get_resource_providers: {} })),

  ...nestedCalls,

  // There are no resource providers, and none can be configured; one that is marked gone is gone.
  ADD_RESOURCE_PROVIDER_CONFIG: notYet,
  UPDATE_RESOURCE_PROVIDER_CONFIG: notYet,
  REMOVE_RESOURCE_PROVIDER_CONFIG: notYet,
  MARK_RESOURCE_PROVIDER_GONE: () => 'done',
  // Images are the engine's, which has its own means to get rid of them.
  PRUNE_IMAGES: () => 'done',
};

/** Carries out a valid call. */
export async function operate(operated: Operated, call: AgentCall & { type: AgentCallType }): Promise<Outcome> {
  const outcome = await handlers[call.type](operated, call);
  if (typeof outcome === 'string' || !('response' in outcome)) return outcome;
  // Every call that has a response gives it its name.
  return { response: { type: call.type as NonNullable<AgentResponse['type']>, ...outcome.response } };
}

function pairs<T>(values: Readonly<Record<string, T>>): { name: string; value: T }[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
