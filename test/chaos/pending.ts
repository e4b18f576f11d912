import { getJson, type World } from './world.ts';

/** What master and agents still show of tasks, which is nothing once every end is acknowledged. */
export async function pendingIn(world: World): Promise<string[]> {
  try {
    const master = await getJson(`http://${await world.leader()}/master/state`);
    const agents = world.shape.agents.map(async ({ name }) => {
      const state = await getJson(`http://${world.agentAddress(name)}/slave(1)/state`);
      return frameworksOf(state).flatMap((framework) => shownByAgent(name, framework));
    });
    return [...frameworksOf(master).flatMap(shownByMaster), ...(await Promise.all(agents)).flat()];
  } catch (error) {
    return [`somebody does not answer: ${error instanceof Error ? error.message : String(error)}`];
  }
}

type Document = Record<string, unknown>;

function shownByMaster(framework: Document): string[] {
  const kinds = ['tasks', 'unreachable_tasks', 'pending_tasks'];
  return kinds.flatMap((kind) => listOf(framework, kind).map((task) => `${task['id']} (${kind} of the master)`));
}

function shownByAgent(agent: string, framework: Document): string[] {
  return listOf(framework, 'executors').flatMap((executor) =>
    ['tasks', 'queued_tasks'].flatMap((kind) =>
      listOf(executor, kind).map((task) => `${task['id']} (${kind} of ${agent})`),
    ),
  );
}

function frameworksOf(state: Document): Document[] {
  return listOf(state, 'frameworks');
}

function listOf(document: Document, name: string): Document[] {
  const list = document[name];
  return Array.isArray(list) ? (list as Document[]) : [];
}
