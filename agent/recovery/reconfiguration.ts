import { MesitaError } from '../../protocol/errors.ts';
import type { AgentInfo, Resource } from '../../protocol/messages.ts';
import { formatResources } from '../../protocol/resource-text.ts';
import { add, contains, normalize } from '../../protocol/resources.ts';
import { sameContent } from '../../protocol/same-content.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { AgentState } from '../state.ts';

/** What may differ from what the agent said of itself at its last start: nothing, more may be there, or anything. */
export type ReconfigurationPolicy = 'equal' | 'additive' | 'any';

/** Throws MESITA_CHECKPOINT_INCOMPATIBLE where the policy does not allow the change. */
export function checkReconfiguration(
  policy: ReconfigurationPolicy,
  before: AgentInfo | undefined,
  now: AgentInfo,
): void {
  if (policy === 'any' || before === undefined) return;
  const isAllowed = policy === 'equal' ? isEqual : isMore;
  const [had, has] = [normalize(before.resources ?? []), normalize(now.resources ?? [])];
  if (!isAllowed(before, now) || (policy === 'equal' ? !sameContent(had, has) : !contains(has, had)))
    throw incompatible(
      `--reconfiguration_policy=${policy} does not allow this: the agent had ${described(before)}, and now has ${described(now)}`,
    );
}

/** Throws MESITA_CHECKPOINT_INCOMPATIBLE when the agent has less than its tasks use. */
export function checkRoom({ total, tasks, executors }: AgentState): void {
  const running = [...tasks.values()].filter(({ state }) => !isTerminal(state));
  const used = [...running, ...executors.values()].flatMap(({ info }) => info.resources ?? []);
  const sum = add([], normalize(used.filter(({ revocable, shared }) => !revocable && !shared).map(withoutAllocation)));
  if (contains(total, sum)) return;
  throw incompatible(
    `The tasks that run use ${formatResources(sum)}, and the agent has no more than ${formatResources(total)}`,
  );
}

function isEqual(before: AgentInfo, now: AgentInfo): boolean {
  return (['hostname', 'attributes', 'domain'] as const).every((part) => sameContent(before[part], now[part]));
}

function isMore(before: AgentInfo, now: AgentInfo): boolean {
  const attributes = now.attributes ?? [];
  return (
    before.hostname === now.hostname &&
    (before.domain === undefined || sameContent(before.domain, now.domain)) &&
    (before.attributes ?? []).every((one) => attributes.some((other) => sameContent(one, other)))
  );
}

function described({ resources, attributes }: AgentInfo): string {
  return `${formatResources(resources ?? [])} with the attributes ${JSON.stringify(attributes ?? [])}`;
}

function withoutAllocation({ allocation_info: _, ...resource }: Resource): Resource {
  return resource;
}

function incompatible(message: string): MesitaError {
  return new MesitaError('MESITA_CHECKPOINT_INCOMPATIBLE', { message });
}
