import type {
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  MasterResponseGetAgents,
  MasterResponseGetAgentsAgent,
  MasterResponseGetExecutors,
  MasterResponseGetFrameworks,
  MasterResponseGetFrameworksFramework,
  MasterResponseGetMaster,
  MasterResponseGetOperations,
  MasterResponseGetState,
  MasterResponseGetTasks,
  Task,
  TimeInfo,
} from '../../protocol/messages.ts';
import { toEndpointForm, toPostRefinement } from '../../protocol/resources.ts';
import { agentCapabilities } from '../../runtime/agent-capabilities.ts';
import { mesosVersion } from '../../runtime/version.ts';
import { drainInfo } from '../commands/drain.ts';
import { inverseOfferMessage, offerMessage } from '../offer-messages.ts';
import { type Agent, type Framework, isActive, type MasterState, type OfferRecord, rolesOf } from '../state.ts';
import { allocatedByRole, offeredByRole, showAllocated } from './resource-sums.ts';

/**
 * What the operator API tells of the cluster, each a function of the state. GET_STATE, the single GET_* calls and the
 * snapshot at the head of the event stream share them.
 *
 * Lists that Mesos writes as `[]` are always there; those that it leaves out when empty are left out by the encoder.
 */
export function getState(state: MasterState): MasterResponseGetState {
  return {
    get_tasks: getTasks(state),
    get_executors: getExecutors(state),
    get_frameworks: getFrameworks(state),
    get_agents: getAgents(state),
  };
}

export function getTasks(state: MasterState): MasterResponseGetTasks {
  const tasks: Task[] = [];
  const unreachable: Task[] = [];
  const completed: Task[] = [];
  for (const framework of state.frameworks.values()) {
    for (const task of framework.tasks.values()) tasks.push(task);
    for (const task of framework.unreachableTasks.values()) unreachable.push(task);
    for (const task of framework.completedTasks) completed.push(task);
  }
  for (const framework of state.completedFrameworks.values()) {
    for (const task of framework.completedTasks) completed.push(task);
  }
  return { tasks, unreachable_tasks: unreachable, completed_tasks: completed };
}

/** Those of tasks with a command of their own are none of the master's. */
export function getExecutors(state: MasterState): MasterResponseGetExecutors {
  return {
    executors: [...state.agents.values()].flatMap(({ id, executors }) =>
      [...executors.values()].map((executor_info) => ({ executor_info, agent_id: { value: id } })),
    ),
  };
}

export function getOperations(state: MasterState): MasterResponseGetOperations {
  return { operations: [...state.agents.values()].flatMap(({ operations }) => [...operations.values()]) };
}

export function getFrameworks(state: MasterState): MasterResponseGetFrameworks {
  const executors = Map.groupBy(executorsIn(state), ({ framework_id }) => framework_id?.value);
  const show = (framework: Framework): MasterResponseGetFrameworksFramework => ({
    ...frameworkDocument(state, framework, executors.get(framework.id) ?? []),
    offer_constraints: framework.offerConstraints ?? {},
  });
  return {
    frameworks: [...state.frameworks.values()].map(show),
    completed_frameworks: [...state.completedFrameworks.values()].map(show),
  };
}

// Offers are shown as the master keeps them, whatever their framework understands.
const shownCapabilities: FrameworkInfo['capabilities'] = [{ type: 'MULTI_ROLE' }, { type: 'RESERVATION_REFINEMENT' }];

export function frameworkDocument(
  state: MasterState,
  framework: Framework,
  executors: readonly ExecutorInfo[] = executorsIn(state).filter(
    ({ framework_id }) => framework_id?.value === framework.id,
  ),
): MasterResponseGetFrameworksFramework {
  const { info, unregisteredAt } = framework;
  const offers = offersOf(state, framework.offers);
  const [fallback = '*'] = rolesOf(info);
  return {
    framework_info: info,
    active: framework.connected,
    connected: framework.connected,
    recovered: framework.recovered,
    ...(framework.recovered
      ? {}
      : { registered_time: time(framework.registeredAt), reregistered_time: time(framework.reregisteredAt) }),
    ...(unregisteredAt === undefined ? {} : { unregistered_time: time(unregisteredAt) }),
    offers: offers.flatMap((offer) => {
      const agent = state.agents.get(offer.agent);
      return agent === undefined ? [] : [offerMessage(offer, agent, { ...info, capabilities: shownCapabilities })];
    }),
    inverse_offers: [...framework.inverseOffers].flatMap((id) => {
      const offer = state.inverseOffers.get(id);
      const agent = offer && state.agents.get(offer.agent);
      return (offer && agent && inverseOfferMessage(offer, agent)) ?? [];
    }),
    allocated_resources: showAllocated(allocatedByRole(framework.tasks.values(), executors, fallback)),
    offered_resources: showAllocated(offeredByRole(offers)),
  };
}

function executorsIn(state: MasterState): ExecutorInfo[] {
  return [...state.agents.values()].flatMap(({ executors }) => [...executors.values()]);
}

export function getAgents(state: MasterState): MasterResponseGetAgents {
  return {
    agents: [...state.agents.values()].map((agent) => {
      const document = agentDocument(state, agent);
      return { ...document, agent_info: { ...document.agent_info, checkpoint: true } };
    }),
    recovered_agents: [...state.recovery.agents.values()].map(({ agent }) => ({
      ...agentInfo(agent),
      checkpoint: true,
    })),
  };
}

export function agentDocument(state: MasterState, agent: Agent): MasterResponseGetAgentsAgent {
  const { address, reregisteredAt, drain } = agent;
  return {
    agent_info: agentInfo(agent),
    active: isActive(agent),
    deactivated: agent.deactivated,
    version: mesosVersion,
    pid: `slave(1)@${address.ip}:${address.port}`,
    registered_time: time(agent.registeredAt),
    ...(reregisteredAt === undefined ? {} : { reregistered_time: time(reregisteredAt) }),
    total_resources: agent.total.map(toEndpointForm),
    allocated_resources: showAllocated(allocatedByRole(agent.tasks.values(), agent.executors.values(), '*')),
    offered_resources: showAllocated(offeredByRole(offersOf(state, agent.offers))),
    capabilities: agentCapabilities.map((type) => ({ type })),
    ...(drain && {
      drain_info: drainInfo(drain),
      // Whole seconds, as recorded.
      estimated_drain_start_time: time(Math.floor(drain.startedAt / 1000) * 1000),
    }),
  };
}

function agentInfo({ info }: Agent): AgentInfo {
  return { ...info, resources: (info.resources ?? []).map(toPostRefinement) };
}

export function getMaster(state: MasterState): MasterResponseGetMaster {
  return { master_info: state.master, start_time: state.startedAt / 1000, elected_time: state.electedAt / 1000 };
}

function offersOf(state: MasterState, ids: Iterable<OfferRecord['id']>): OfferRecord[] {
  return [...ids].flatMap((id) => state.offers.get(id) ?? []);
}

/** `milliseconds` since the epoch. */
function time(milliseconds: number): TimeInfo {
  return { nanoseconds: Math.round(milliseconds * 1e6) };
}
