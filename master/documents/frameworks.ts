import type { OfferId } from '../../protocol/ids.ts';
import type { Resource, Task } from '../../protocol/messages.ts';
import { add, normalize } from '../../protocol/resources.ts';
import { hasCapability } from '../../protocol/task-state.ts';
import { type Document, labelsDocument, summaryDocument, taskDocument } from '../../protocol/v0-documents.ts';
import { double, embed } from '../../protocol/v0-json.ts';
import { type Framework, type MasterState, offeredResources, roleOfTask, usedResources } from '../state.ts';
import {
  type ExecutorsByFramework,
  executorDocuments,
  executorsByFramework,
  resourcesOfExecutors,
} from './executors.ts';

/** The three lists of `/frameworks`, of all frameworks or of one. */
export function frameworksDocument(state: MasterState, only: string | undefined): Document {
  const executors = executorsByFramework(state);
  const chosen = (frameworks: Iterable<Framework>) =>
    [...frameworks]
      .filter((framework) => only === undefined || framework.id === only)
      .map((framework) => frameworkDocument(state, framework, executors));
  return {
    frameworks: chosen(state.frameworks.values()),
    completed_frameworks: chosen(state.completedFrameworks.values()),
    unregistered_frameworks: [],
  };
}

/** What `/state-summary` says of a framework, and every other document says first. */
export function frameworkHead(state: MasterState, framework: Framework, executors: ExecutorsByFramework): Document {
  const { info } = framework;
  return {
    id: framework.id,
    name: info.name,
    used_resources: summaryDocument(used(framework, executors)),
    offered_resources: summaryDocument(offered(state, framework)),
    capabilities: (info.capabilities ?? []).flatMap((capability) => capability.type ?? []),
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.connected,
    connected: framework.connected,
    recovered: framework.recovered,
  };
}

/** A framework in `/state` and `/frameworks`. It has no `pid`, as all that speak HTTP have none. */
function frameworkDocument(state: MasterState, framework: Framework, executors: ExecutorsByFramework): Document {
  const { info, registeredAt, reregisteredAt } = framework;
  const tasks = (list: Iterable<Task>) => [...list].map((task) => taskDocument(task, roleOfTask(task, info)));
  return {
    ...frameworkHead(state, framework, executors),
    user: info.user,
    failover_timeout: double(info.failover_timeout ?? 0),
    checkpoint: info.checkpoint ?? false,
    registered_time: double(framework.recovered ? 0 : registeredAt / 1000),
    unregistered_time: double((framework.unregisteredAt ?? 0) / 1000),
    principal: info.principal,
    resources: summaryDocument(add(used(framework, executors), offered(state, framework))),
    reregistered_time:
      framework.recovered || reregisteredAt === registeredAt ? undefined : double(reregisteredAt / 1000),
    ...(hasCapability(info, 'MULTI_ROLE') ? { roles: info.roles ?? [] } : { role: info.role ?? '*' }),
    tasks: tasks(framework.tasks.values()),
    unreachable_tasks: tasks(framework.unreachableTasks.values()),
    completed_tasks: tasks(framework.completedTasks),
    offers: [...framework.offers].flatMap((id) => offerDocument(state, id)),
    executors: executorDocuments(framework, executors),
    labels: labelsDocument(info.labels),
    offer_constraints: embed('SchedulerOfferConstraints', framework.offerConstraints ?? {}),
  };
}

function used(framework: Framework, executors: ExecutorsByFramework): Resource[] {
  const own = (executors.get(framework.id) ?? []).map(({ executor }) => executor);
  return normalize([...usedResources(framework.tasks.values()), ...resourcesOfExecutors(own)]);
}

const offered = (state: MasterState, framework: Framework) => add([], offeredResources(state, framework.offers));

function offerDocument(state: MasterState, id: OfferId): Document[] {
  const offer = state.offers.get(id);
  if (offer === undefined) return [];
  return [
    {
      id,
      framework_id: offer.framework,
      allocation_info: { role: offer.role },
      slave_id: offer.agent,
      resources: summaryDocument(offer.resources),
    },
  ];
}
