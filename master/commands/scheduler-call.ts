import { isStatusUuid } from '../../protocol/ids.ts';
import type { SchedulerCall, SchedulerCallType } from '../../protocol/messages.ts';
import { type Effect, log } from '../effects.ts';
import { countCall } from '../metrics.ts';
import type { Framework, MasterState } from '../state.ts';
import { accept } from './accept.ts';
import { acknowledge } from './acknowledge.ts';
import { decline } from './decline.ts';
import { kill } from './kill.ts';
import { reconcile } from './reconcile.ts';
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
  const uuid = call.acknowledge?.uuid ?? call.acknowledge_operation_status?.uuid;
  if (uuid !== undefined && !isStatusUuid(uuid)) return 'Not a valid UUID';
  if (
    call.update_framework !== undefined &&
    call.update_framework.framework_info.id?.value !== call.framework_id.value
  ) {
    return "'framework_id' differs from 'update_framework.framework_info.id'";
  }
  return undefined;
}

function invalidSubscribe(call: SchedulerCall): string | undefined {
  if (call.subscribe === undefined) return "Expecting 'subscribe' to be present";
  const inner = call.subscribe.framework_info.id?.value;
  return inner === call.framework_id?.value ? undefined : "'framework_id' differs from 'subscribe.framework_info.id'";
}

/** Carries out a valid call, other than SUBSCRIBE, of a subscribed framework. */
export function carryOut(state: MasterState, framework: Framework, call: SchedulerCall, now: number): Effect[] {
  countCall(state, framework, call.type ?? 'UNKNOWN');
  if (call.accept !== undefined && call.type === 'ACCEPT') return accept(state, framework, call.accept, now);
  if (call.decline !== undefined && call.type === 'DECLINE') return decline(state, framework, call.decline, now);
  if (call.type === 'REVIVE') return revive(state, framework, call.revive);
  if (call.type === 'SUPPRESS') return suppress(state, framework, call.suppress);
  if (call.kill !== undefined && call.type === 'KILL') return kill(state, framework, call.kill, now);
  if (call.acknowledge !== undefined && call.type === 'ACKNOWLEDGE')
    return acknowledge(state, framework, call.acknowledge);
  if (call.reconcile !== undefined && call.type === 'RECONCILE')
    return reconcile(state, framework, call.reconcile, now);
  if (call.type === 'TEARDOWN') return removeFramework(state, framework, now);
  return [log('call is not carried out by this master yet', { type: call.type, framework: framework.id }, 'warn')];
}
