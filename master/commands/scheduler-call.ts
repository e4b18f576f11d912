import { isStatusUuid } from '../../protocol/ids.ts';
import type { SchedulerCall, SchedulerCallType } from '../../protocol/messages.ts';
import { type Effect, log } from '../effects.ts';
import { countCall, countRefusals } from '../metrics.ts';
import type { Framework, MasterState } from '../state.ts';
import { accept } from './accept.ts';
import { acknowledge } from './acknowledge.ts';
import { acknowledgeOperation } from './acknowledge-operation.ts';
import { decline } from './decline.ts';
import { messageExecutor, shutdownExecutor } from './executors.ts';
import { answerInverseOffers } from './inverse-offers.ts';
import { kill } from './kill.ts';
import { reconcile } from './reconcile.ts';
import { reconcileOperations } from './reconcile-operations.ts';
import { removeFramework } from './remove-framework.ts';
import { revive } from './revive.ts';
import { suppress } from './suppress.ts';

/** Calls that may come without the member named after them. */
const withoutMember: ReadonlySet<SchedulerCallType> = new Set(['REVIVE', 'SUPPRESS', 'TEARDOWN', 'UNKNOWN']);

/** The first thing wrong with a decoded call, in Mesos' words; undefined when it may be carried out. */
export function invalidCall(call: SchedulerCall): string | undefined {
  const { type } = call;
  if (type === undefined) return "Expecting 'type' to be present";
  const member = type.toLowerCase() as Lowercase<SchedulerCallType>;
  if (type === 'SUBSCRIBE') return invalidSubscribe(call);
  if (call.framework_id === undefined) return "Expecting 'framework_id' to be present";
  if (!withoutMember.has(type) && call[member as keyof SchedulerCall] === undefined) {
    return `Expecting '${member}' to be present`;
  }
  return invalidMember[type]?.(call);
}

const invalidMember: Partial<Record<SchedulerCallType, (call: SchedulerCall) => string | undefined>> = {
  ACKNOWLEDGE: ({ acknowledge }) => invalidUuid(acknowledge?.uuid),
  // Not its agent_id, which mesos-go leaves out: the operation tells where it is.
  ACKNOWLEDGE_OPERATION_STATUS: ({ acknowledge_operation_status }) => invalidUuid(acknowledge_operation_status?.uuid),
  UPDATE_FRAMEWORK: ({ framework_id, update_framework }) =>
    update_framework?.framework_info.id?.value === framework_id?.value
      ? undefined
      : "'framework_id' differs from 'update_framework.framework_info.id'",
};

function invalidUuid(uuid = ''): string | undefined {
  return isStatusUuid(uuid) ? undefined : 'Not a valid UUID';
}

function invalidSubscribe(call: SchedulerCall): string | undefined {
  if (call.subscribe === undefined) return "Expecting 'subscribe' to be present";
  const inner = call.subscribe.framework_info.id?.value;
  return inner === call.framework_id?.value ? undefined : "'framework_id' differs from 'subscribe.framework_info.id'";
}

/** Calls that are carried out at once and answered with 202, whatever comes of them. */
export type PlainCallType = Exclude<SchedulerCallType, 'UNKNOWN' | 'SUBSCRIBE' | 'UPDATE_FRAMEWORK'>;

type Command = (state: MasterState, framework: Framework, call: SchedulerCall, now: number) => Effect[];

const commands: Record<PlainCallType, Command> = {
  TEARDOWN: (state, framework, _call, now) => removeFramework(state, framework, now),
  ACCEPT: (state, framework, call, now) => accept(state, framework, present(call.accept), now),
  DECLINE: (state, framework, call, now) => decline(state, framework, present(call.decline), now),
  ACCEPT_INVERSE_OFFERS: (state, framework, call, now) =>
    answerInverseOffers(state, framework, present(call.accept_inverse_offers), 'ACCEPT', now),
  DECLINE_INVERSE_OFFERS: (state, framework, call, now) =>
    answerInverseOffers(state, framework, present(call.decline_inverse_offers), 'DECLINE', now),
  REVIVE: (state, framework, call) => revive(state, framework, call.revive),
  SUPPRESS: (state, framework, call, now) => suppress(state, framework, call.suppress, now),
  KILL: (state, framework, call, now) => kill(state, framework, present(call.kill), now),
  SHUTDOWN: (state, framework, call) => shutdownExecutor(state, framework, present(call.shutdown)),
  ACKNOWLEDGE: (state, framework, call, now) => acknowledge(state, framework, present(call.acknowledge), now),
  ACKNOWLEDGE_OPERATION_STATUS: (state, framework, call) =>
    acknowledgeOperation(state, framework, present(call.acknowledge_operation_status)),
  RECONCILE: (state, framework, call, now) => reconcile(state, framework, present(call.reconcile), now),
  RECONCILE_OPERATIONS: (state, framework, call) =>
    reconcileOperations(state, framework, present(call.reconcile_operations)),
  MESSAGE: (state, framework, call) => messageExecutor(state, framework, present(call.message)),
  // Offers are made of what there is, not of what is asked for; Mesos' allocator does the same.
  REQUEST: (_state, framework) => [log('REQUEST: nothing is done about it', { framework: framework.id })],
};

/** Carries out a valid call of a subscribed framework. */
export function carryOut(state: MasterState, framework: Framework, call: SchedulerCall, now: number): Effect[] {
  const { type = 'UNKNOWN' } = call;
  countCall(state, framework, call);
  if (!isPlain(type)) throw new Error(`${type} is not carried out like this`);
  const effects = commands[type](state, framework, call, now);
  if (type === 'ACCEPT') countRefusals(state, framework, effects);
  return effects;
}

export function isPlain(type: SchedulerCallType): type is PlainCallType {
  return Object.hasOwn(commands, type);
}

/** Validation has seen to it that the member is there. */
function present<T>(member: T | undefined): T {
  if (member === undefined) throw new Error('a call without its member was not refused');
  return member;
}
