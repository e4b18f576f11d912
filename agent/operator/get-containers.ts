import type { AgentCall, AgentResponseGetContainersContainer } from '../../protocol/messages.ts';
import type { ContainerStatistics } from '../container-statistics.ts';
import { LaunchedContainer } from '../nested/launched-container.ts';
import type { NestedContainers } from '../nested/nested-containers.ts';
import { containerMessage, nestedMessage } from './reads.ts';

/** GET_CONTAINERS: those of tasks and executors that run, and those that calls have launched, as far as the call wants them. */
export async function containersOf(
  { statistics, nested }: { statistics: Pick<ContainerStatistics, 'measure'>; nested: NestedContainers },
  { get_containers = {} }: AgentCall,
): Promise<AgentResponseGetContainersContainer[]> {
  const { show_nested = false, show_standalone = false } = get_containers;
  const others = nested.running().filter(({ id }) => (id.parent === undefined ? show_standalone : show_nested));
  const besides = others.flatMap((each) => (each instanceof LaunchedContainer ? each.host : []));
  const measured = await statistics.measure({ nested: show_nested, besides });
  const byRun = new Map(measured.map((each) => [each.run, each]));
  return [
    ...measured.filter(({ run }) => !besides.some((one) => one === run)).map(containerMessage),
    ...others.map((each) => nestedMessage(each, each instanceof LaunchedContainer ? byRun.get(each.host) : undefined)),
  ];
}
