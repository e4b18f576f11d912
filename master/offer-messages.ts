import type { FrameworkInfo, InverseOffer, Offer, Resource, URL } from '../protocol/messages.ts';
import { toPreRefinement } from '../protocol/resources.ts';
import { hasCapability } from '../protocol/task-state.ts';
import type { Agent, InverseOfferRecord, OfferRecord } from './state.ts';

/** An offer in the form that its framework's capabilities ask for. */
export function offerMessage(offer: OfferRecord, agent: Agent, framework: FrameworkInfo): Offer {
  const multiRole = hasCapability(framework, 'MULTI_ROLE');
  const executors = [...agent.executors.values()].flatMap(({ executor_id, framework_id }) =>
    framework_id?.value === offer.framework ? [executor_id] : [],
  );
  return {
    id: { value: offer.id },
    framework_id: { value: offer.framework },
    agent_id: { value: offer.agent },
    hostname: agent.info.hostname,
    url: agentUrl(agent),
    ...(agent.info.domain === undefined ? {} : { domain: agent.info.domain }),
    resources: offer.resources.flatMap((resource) => resourceFor(framework, resource, offer.role)),
    attributes: agent.attributes,
    ...(agent.unavailability === undefined ? {} : { unavailability: agent.unavailability }),
    ...(executors.length === 0 ? {} : { executor_ids: executors }),
    ...(multiRole ? { allocation_info: { role: offer.role } } : {}),
  };
}

/** A request to free an agent that is due for maintenance; undefined when it is not any more. */
export function inverseOfferMessage(offer: InverseOfferRecord, agent: Agent): InverseOffer | undefined {
  const { unavailability } = agent;
  if (unavailability === undefined) return undefined;
  return {
    id: { value: offer.id },
    url: agentUrl(agent),
    framework_id: { value: offer.framework },
    agent_id: { value: offer.agent },
    unavailability,
  };
}

export function agentUrl({ address: { hostname, ip, port } }: Pick<Agent, 'address'>): URL {
  return { scheme: 'http', address: { hostname, ip, port }, path: '/slave(1)' };
}

function resourceFor(framework: FrameworkInfo, resource: Resource, role: string): Resource[] {
  const shown = hasCapability(framework, 'RESERVATION_REFINEMENT') ? resource : toPreRefinement(resource);
  if (shown === undefined) return [];
  return [hasCapability(framework, 'MULTI_ROLE') ? { ...shown, allocation_info: { role } } : shown];
}
