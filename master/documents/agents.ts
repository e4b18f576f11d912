import { add, normalize } from '../../protocol/resources.ts';
import {
  attributesDocument,
  byReservation,
  type Document,
  fullDocument,
  summaryDocument,
  unreserved,
} from '../../protocol/v0-documents.ts';
import { double, embed } from '../../protocol/v0-json.ts';
import { agentCapabilities } from '../../runtime/agent-capabilities.ts';
import { mesosVersion } from '../../runtime/version.ts';
import { drainInfo } from '../commands/drain.ts';
import { allocatedByRole, type ByRole, offeredByRole, showAllocated } from '../operator/resource-sums.ts';
import { type Agent, isActive, type MasterState, offeredResources, usedResources } from '../state.ts';
import { resourcesOfExecutors } from './executors.ts';

/** `/slaves`, of all agents or of one. */
export function agentsDocument(state: MasterState, only: string | undefined): Document {
  const chosen = [...state.agents.values()].filter((agent) => only === undefined || agent.id === only);
  return {
    slaves: chosen.map((agent) => ({ ...agentDocument(state, agent), ...resourceLists(state, agent) })),
    recovered_slaves: recoveredDocuments(state, only),
  };
}

/** Agents that have not come back to this master yet, in `/state` and `/slaves`. */
export function recoveredDocuments({ recovery }: MasterState, only: string | undefined): Document[] {
  const chosen = [...recovery.agents].filter(([id]) => only === undefined || id === only);
  return chosen.map(([id, { agent }]) => ({
    id,
    hostname: agent.info.hostname,
    port: agent.address.port,
    attributes: attributesDocument(agent.attributes),
    domain: agent.info.domain && embed('DomainInfo', agent.info.domain),
  }));
}

/** An agent in `/state`, `/state-summary` and `/slaves`. */
export function agentDocument(state: MasterState, agent: Agent): Document {
  const { ip, port } = agent.address;
  const { reregisteredAt, drain } = agent;
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port,
    attributes: attributesDocument(agent.attributes),
    domain: agent.info.domain && embed('DomainInfo', agent.info.domain),
    pid: `slave(1)@${ip}:${port}`,
    registered_time: double(agent.registeredAt / 1000),
    reregistered_time: reregisteredAt === undefined ? undefined : double(reregisteredAt / 1000),
    resources: summaryDocument(agent.total),
    used_resources: summaryDocument(
      normalize([...usedResources(agent.tasks.values()), ...resourcesOfExecutors(agent.executors.values())]),
    ),
    offered_resources: summaryDocument(add([], offeredResources(state, agent.offers))),
    reserved_resources: byReservation(agent.total, summaryDocument),
    unreserved_resources: summaryDocument(unreserved(agent.total)),
    active: isActive(agent),
    deactivated: agent.deactivated,
    version: mesosVersion,
    mesita_version: agent.version,
    capabilities: agentCapabilities,
    drain_info: drain && embed('DrainInfo', drainInfo(drain)),
    estimated_drain_start_time_seconds: drain && double(drain.startedAt / 1000),
  };
}

function resourceLists(state: MasterState, agent: Agent): Document {
  const offers = [...agent.offers].flatMap((id) => state.offers.get(id) ?? []);
  const show = (byRole: ByRole) => showAllocated(byRole).map((resource) => embed('Resource', resource));
  return {
    reserved_resources_full: byReservation(agent.total, fullDocument),
    unreserved_resources_full: fullDocument(unreserved(agent.total)),
    used_resources_full: show(allocatedByRole(agent.tasks.values(), agent.executors.values(), '*')),
    offered_resources_full: show(offeredByRole(offers)),
  };
}
