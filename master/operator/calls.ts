import { asAgentId, asFrameworkId } from '../../protocol/ids.ts';
import type {
  AgentID,
  MasterCall,
  MasterCallType,
  MasterResponse,
  MasterResponseType,
  OfferOperation,
} from '../../protocol/messages.ts';
import type { LoggingLevel } from '../../runtime/logging-level.ts';
import { versionInfo } from '../../runtime/version-document.ts';
import { deactivateAgent, drainAgent, reactivateAgent } from '../commands/drain.ts';
import { maintenanceStatus, startMaintenance, stopMaintenance, updateSchedule } from '../commands/maintenance.ts';
import { operateOnAgent } from '../commands/operator-operations.ts';
import { removeQuota, setQuota, updateQuotas } from '../commands/quota.ts';
import { markGone } from '../commands/remove-agent.ts';
import { removeFramework } from '../commands/remove-framework.ts';
import { updateWeights } from '../commands/weights.ts';
import type { Effect } from '../effects.ts';
import { metricsSnapshot } from '../metrics-snapshot.ts';
import type { MasterState } from '../state.ts';
import { getAgents, getExecutors, getFrameworks, getMaster, getOperations, getState, getTasks } from './documents.ts';
import { quotaStatus, weightInfos } from './quota-status.ts';
import { getRoles } from './roles-document.ts';

/** What calls read and change. */
export interface Operated {
  readonly state: MasterState;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** As `/flags` shows them. */
  readonly flags: Readonly<Record<string, string>>;
  readonly loggingLevel: Pick<LoggingLevel, 'level' | 'set'>;
}

export type Outcome =
  | { response: MasterResponse }
  /** Done, or `accepted`, with nothing to tell. */
  | { effects: Effect[]; accepted?: boolean }
  | { refusal: Refusal; text: string };

export type Refusal = 'badRequest' | 'notFound' | 'conflict' | 'notImplemented' | 'unavailable';

export type OperatorCall = MasterCall & { type: Exclude<MasterCallType, 'SUBSCRIBE' | 'LIST_FILES' | 'READ_FILE'> };

type Handler = (operated: Operated, call: MasterCall) => Outcome;

const done: Outcome = { effects: [] };

/** `read` makes the member; the type is that of the call. */
function reading(read: (operated: Operated) => MasterResponse): Handler {
  return (operated) => ({ response: read(operated) });
}

/** Calls of the operator API; those that a decision is not all of are the route's. */
const handlers: Record<OperatorCall['type'], Handler> = {
  UNKNOWN: () => ({ refusal: 'notImplemented', text: '501 Not Implemented.' }),

  GET_HEALTH: reading(() => ({ get_health: { healthy: true } })),
  GET_VERSION: reading(({ state }) => ({ get_version: { version_info: versionInfo(state.startedAt) } })),
  GET_FLAGS: reading(({ flags }) => ({
    get_flags: { flags: Object.entries(flags).map(([name, value]) => ({ name, value })) },
  })),
  GET_METRICS: reading(({ state, now }) => ({
    get_metrics: { metrics: Object.entries(metricsSnapshot(state, now)).map(([name, value]) => ({ name, value })) },
  })),
  GET_LOGGING_LEVEL: reading(({ loggingLevel }) => ({ get_logging_level: { level: loggingLevel.level } })),
  SET_LOGGING_LEVEL: ({ loggingLevel }, { set_logging_level }) => {
    if (set_logging_level !== undefined) {
      loggingLevel.set(set_logging_level.level, Number(set_logging_level.duration.nanoseconds) / 1e9);
    }
    return done;
  },

  GET_STATE: reading(({ state }) => ({ get_state: getState(state) })),
  GET_TASKS: reading(({ state }) => ({ get_tasks: getTasks(state) })),
  GET_EXECUTORS: reading(({ state }) => ({ get_executors: getExecutors(state) })),
  GET_FRAMEWORKS: reading(({ state }) => ({ get_frameworks: getFrameworks(state) })),
  GET_AGENTS: reading(({ state }) => ({ get_agents: getAgents(state) })),
  GET_OPERATIONS: reading(({ state }) => ({ get_operations: getOperations(state) })),
  GET_ROLES: reading(({ state }) => ({ get_roles: getRoles(state) })),
  GET_MASTER: reading(({ state }) => ({ get_master: getMaster(state) })),

  // The master writes no log file, and so has no files to show.

  TEARDOWN: ({ state, now }, { teardown }) => {
    const framework = state.frameworks.get(asFrameworkId(teardown?.framework_id.value ?? ''));
    if (framework === undefined) return { refusal: 'badRequest', text: 'No framework found with specified ID' };
    return { effects: removeFramework(state, framework, now) };
  },
  MARK_AGENT_GONE: ({ state, now }, { mark_agent_gone }) => {
    const id = asAgentId(mark_agent_gone?.agent_id.value ?? '');
    const effects = markGone(state, id, now);
    return effects === undefined ? { refusal: 'notFound', text: `Agent '${id}' not found` } : { effects };
  },

  GET_WEIGHTS: reading(({ state }) =>
    state.weights.size === 0 ? {} : { get_weights: { weight_infos: weightInfos(state) } },
  ),
  GET_QUOTA: reading(({ state }) => ({ get_quota: { status: quotaStatus(state) } })),
  UPDATE_WEIGHTS: ({ state, now }, { update_weights }) =>
    outcomeOf(updateWeights(state, update_weights?.weight_infos ?? [], now)),
  UPDATE_QUOTA: ({ state, now }, { update_quota }) => updateQuotas(state, update_quota ?? {}, now),
  SET_QUOTA: ({ state, now }, { set_quota }) => setQuota(state, set_quota?.quota_request ?? {}, now),
  REMOVE_QUOTA: ({ state }, { remove_quota }) => removeQuota(state, remove_quota?.role ?? ''),

  RESERVE_RESOURCES: operating(({ reserve_resources }) => {
    const { source, resources } = reserve_resources ?? {};
    return [
      reserve_resources,
      { type: 'RESERVE', reserve: { ...(source && { source }), ...(resources && { resources }) } },
    ];
  }),
  UNRESERVE_RESOURCES: operating(({ unreserve_resources: call }) => [
    call,
    { type: 'UNRESERVE', unreserve: { resources: call?.resources ?? [] } },
  ]),
  CREATE_VOLUMES: operating(({ create_volumes: call }) => [
    call,
    { type: 'CREATE', create: { volumes: call?.volumes ?? [] } },
  ]),
  DESTROY_VOLUMES: operating(({ destroy_volumes: call }) => [
    call,
    { type: 'DESTROY', destroy: { volumes: call?.volumes ?? [] } },
  ]),
  GROW_VOLUME: operating(({ grow_volume: call }) => [
    call,
    { type: 'GROW_VOLUME', ...(call && { grow_volume: { volume: call.volume, addition: call.addition } }) },
  ]),
  SHRINK_VOLUME: operating(({ shrink_volume: call }) => [
    call,
    { type: 'SHRINK_VOLUME', ...(call && { shrink_volume: { volume: call.volume, subtract: call.subtract } }) },
  ]),

  GET_MAINTENANCE_STATUS: reading(({ state }) => ({ get_maintenance_status: { status: maintenanceStatus(state) } })),
  GET_MAINTENANCE_SCHEDULE: reading(({ state }) => ({
    get_maintenance_schedule: { schedule: state.maintenance.schedule },
  })),
  UPDATE_MAINTENANCE_SCHEDULE: ({ state, now }, { update_maintenance_schedule }) =>
    outcomeOf(updateSchedule(state, update_maintenance_schedule?.schedule ?? {}, now)),
  START_MAINTENANCE: ({ state, now }, { start_maintenance }) =>
    outcomeOf(startMaintenance(state, start_maintenance?.machines ?? [], now)),
  STOP_MAINTENANCE: ({ state }, { stop_maintenance }) =>
    outcomeOf(stopMaintenance(state, stop_maintenance?.machines ?? [])),

  DRAIN_AGENT: ({ state, now }, { drain_agent }) =>
    drain_agent === undefined ? done : outcomeOf(drainAgent(state, drain_agent, now)),
  DEACTIVATE_AGENT: ({ state, now }, { deactivate_agent }) =>
    outcomeOf(deactivateAgent(state, asAgentId(deactivate_agent?.agent_id.value ?? ''), now)),
  REACTIVATE_AGENT: ({ state }, { reactivate_agent }) =>
    outcomeOf(reactivateAgent(state, asAgentId(reactivate_agent?.agent_id.value ?? ''))),
};

function outcomeOf(outcome: { refusal: string } | { effects: Effect[] }): Outcome {
  return 'refusal' in outcome ? { refusal: 'badRequest', text: outcome.refusal } : outcome;
}

type Operating = [{ agent_id?: AgentID | undefined } | undefined, OfferOperation];

/** What the call's member says of the agent, and the operation that it stands for. */
function operating(read: (call: MasterCall) => Operating): Handler {
  return ({ state, now }, call) => {
    const [member, operation] = read(call);
    const agent = state.agents.get(asAgentId(member?.agent_id?.value ?? ''));
    if (agent === undefined) return { refusal: 'badRequest', text: 'No agent found with specified ID' };
    const outcome = operateOnAgent(state, agent, operation, now);
    return 'refusal' in outcome ? outcome : { ...outcome, accepted: true };
  };
}

/** Carries out a valid call. */
export function operate(operated: Operated, call: OperatorCall): Outcome {
  const outcome = handlers[call.type](operated, call);
  if (!('response' in outcome)) return outcome;
  // Every call that has a response gives it its name.
  return { response: { type: call.type as MasterResponseType, ...outcome.response } };
}
