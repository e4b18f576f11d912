import { constants } from 'node:os';
import type {
  AgentCall,
  AgentCallLaunchContainer,
  AgentCallLaunchNestedContainer,
  ContainerID,
} from '../../protocol/messages.ts';
import { NestedContainer } from '../nested/nested-container.ts';
import { idText, type NestedContainers, rootOf } from '../nested/nested-containers.ts';
import type { OperatedContainer } from '../nested/operated-container.ts';
import { OwnContainer } from '../nested/own-container.ts';
import type { Outcome, Refusal } from './outcome.ts';

/** What calls about containers change. */
export interface WithNested {
  readonly nested: NestedContainers;
}

/**
 * The calls about nested containers; those with newer names are for standalone containers too.
 * The call is valid: it has the member of its name.
 */
export const nestedCalls = {
  LAUNCH_NESTED_CONTAINER: ({ nested }: WithNested, call: AgentCall) => launch(nested, call.launch_nested_container),
  LAUNCH_CONTAINER: ({ nested }: WithNested, call: AgentCall) => launch(nested, call.launch_container),
  LAUNCH_NESTED_CONTAINER_SESSION: ({ nested }: WithNested, call: AgentCall) =>
    launchSession(nested, call.launch_nested_container_session),
  WAIT_NESTED_CONTAINER: async ({ nested }: WithNested, { wait_nested_container: wanted }: AgentCall) =>
    found(nested, wanted, cannotBeFound, async (container): Promise<Outcome> => {
      return { response: { wait_nested_container: { exit_status: await container.ended } } };
    }),
  WAIT_CONTAINER: async ({ nested }: WithNested, { wait_container: wanted }: AgentCall) =>
    found(nested, wanted, cannotBeFound, async (container): Promise<Outcome> => {
      return { response: { wait_container: { exit_status: await container.ended } } };
    }),
  KILL_NESTED_CONTAINER: ({ nested }: WithNested, call: AgentCall) => kill(nested, call.kill_nested_container),
  KILL_CONTAINER: ({ nested }: WithNested, call: AgentCall) => kill(nested, call.kill_container),
  REMOVE_NESTED_CONTAINER: ({ nested }: WithNested, call: AgentCall) => remove(nested, call.remove_nested_container),
  REMOVE_CONTAINER: ({ nested }: WithNested, call: AgentCall) => remove(nested, call.remove_container),
  ATTACH_CONTAINER_OUTPUT: ({ nested }: WithNested, call: AgentCall) =>
    attach(nested, call.attach_container_output?.container_id, (output) => ({ output, session: false })),
  ATTACH_CONTAINER_INPUT: ({ nested }: WithNested, call: AgentCall) =>
    attach(nested, call.attach_container_input?.container_id, (input) => ({ input })),
};

type Named = { container_id: ContainerID } | undefined;

const nobody: ContainerID = { value: '' };

async function launch(nested: NestedContainers, wanted?: AgentCallLaunchContainer): Promise<Outcome> {
  const started = await start(nested, wanted, { session: false });
  if (!(typeof started === 'object' && 'launched' in started)) return started;
  // Nobody needs to listen.
  if (started.launched instanceof NestedContainer)
    started.launched.follow({ take: async () => undefined, end: () => undefined });
  return 'done';
}

async function launchSession(nested: NestedContainers, wanted?: AgentCallLaunchNestedContainer): Promise<Outcome> {
  const started = await start(nested, wanted, { session: true });
  if (!(typeof started === 'object' && 'launched' in started)) return started;
  return { output: started.launched, session: true };
}

async function start(
  nested: NestedContainers,
  wanted: AgentCallLaunchContainer = { container_id: nobody },
  how: { session: boolean },
): Promise<{ launched: OperatedContainer } | 'accepted' | Refusal> {
  const launched = await nested.launch(wanted, how);
  if (launched === 'before') return 'accepted';
  if (launched === 'unsupported')
    return refusal('notImplemented', 'The engine of this agent runs nothing beside what a container runs');
  return 'error' in launched ? refusal('badRequest', launched.error) : { launched: launched.nested };
}

const cannotBeFound = (id: ContainerID): string => `Container ${idText(id)} cannot be found`;
const cannotBeKilled = (id: ContainerID): string => `Container '${idText(id)}' cannot be found (or is already killed)`;

async function found(
  nested: NestedContainers,
  wanted: Named,
  words: (id: ContainerID) => string,
  then: (container: OperatedContainer) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const { container_id: id } = wanted ?? { container_id: nobody };
  const container = nested.operated(id);
  return container === undefined ? refusal('notFound', words(id)) : then(container);
}

function kill(nested: NestedContainers, wanted?: { container_id: ContainerID; signal?: number | undefined }) {
  return found(nested, wanted, cannotBeKilled, async (container): Promise<Outcome> => {
    const own = container instanceof OwnContainer;
    if (container.over || (own && !container.runs)) return refusal('notFound', cannotBeKilled(container.id));
    const { SIGKILL } = constants.signals;
    await container.kill(wanted?.signal ?? SIGKILL);
    return 'done';
  });
}

function remove(nested: NestedContainers, wanted: Named): Outcome {
  const { container_id: id } = wanted ?? { container_id: nobody };
  if (nested.host({ value: rootOf(id) }) === undefined && nested.find(id) === undefined)
    return refusal('failed', `Root container ${rootOf(id)} not found`);
  const gone = nested.own(id) === undefined && nested.remove(id);
  return gone ? 'done' : refusal('failed', 'Nested container has not terminated yet');
}

const noSwitchboard = 'I/O switchboard server was disabled for this container';

function attach(
  nested: NestedContainers,
  id: ContainerID = nobody,
  to: (container: OperatedContainer) => Outcome,
): Outcome {
  const container = nested.operated(id);
  if (container === undefined || container.over) return refusal('notFound', cannotBeFound(id));
  if (container instanceof OwnContainer && !container.talks) return refusal('failed', noSwitchboard);
  const outcome = to(container);
  const wantsInput = typeof outcome === 'object' && 'input' in outcome;
  if (wantsInput && !container.takesInput) return refusal('failed', noSwitchboard);
  return outcome;
}

function refusal(kind: Refusal['refusal'], text: string): Refusal {
  return { refusal: kind, text };
}
