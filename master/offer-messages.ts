import type { FrameworkInfo, Offer, Resource, URL } from '../protocol/messages.ts';
import { toPreRefinement } from '../protocol/resources.ts';
import { hasCapability } from '../protocol/task-state.ts';
import type { Agent, OfferRecord } from './state.ts';

/** An offer in the form that its framework's capabilities ask for. */
export function offerMessage(offer: OfferRecord, agent: Agent, framework: FrameworkInfo): Offer {
  const multiRole = hasCapability(framework, 'MULTI_ROLE');
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
    ...(multiRole ? { allocation_info: { role: offer.role } } : {}),
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
