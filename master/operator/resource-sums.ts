import type { ExecutorInfo, Resource, Task } from '../../protocol/messages.ts';
import { add, normalize, toEndpointForm } from '../../protocol/resources.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { OfferRecord } from '../state.ts';

/** Resources in normal form, by the role that they are allocated or offered to. */
export type ByRole = ReadonlyMap<string, Resource[]>;

/** What tasks that are not terminal and executors hold. `fallback`: the role of resources that name none. */
export function allocatedByRole(tasks: Iterable<Task>, executors: Iterable<ExecutorInfo>, fallback: string): ByRole {
  const groups = new Map<string, Resource[]>();
  const hold = ({ resources = [] }: Task | ExecutorInfo) => {
    for (const resource of resources) collect(groups, resource.allocation_info?.role ?? fallback, [resource]);
  };
  for (const task of tasks) if (!isTerminal(task.state)) hold(task);
  for (const executor of executors) hold(executor);
  return mapValues(groups, normalize);
}

/** What offers hold. */
export function offeredByRole(offers: Iterable<OfferRecord>): ByRole {
  const groups = new Map<string, Resource[]>();
  for (const offer of offers) collect(groups, offer.role, offer.resources);
  return mapValues(groups, (resources) => add([], resources));
}

/** As the operator API shows allocated and offered resources: both formats of reservations at once, with the role they are allocated to. */
export function showAllocated(byRole: ByRole): Resource[] {
  return [...byRole].flatMap(([role, resources]) =>
    resources.map((resource) => ({ ...toEndpointForm(resource), allocation_info: { role } })),
  );
}

function collect(groups: Map<string, Resource[]>, role: string, resources: readonly Resource[]): void {
  const group = groups.get(role);
  if (group === undefined) groups.set(role, [...resources]);
  else for (const resource of resources) group.push(resource);
}

function mapValues<Key, From, To>(map: ReadonlyMap<Key, From>, change: (value: From) => To): Map<Key, To> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
