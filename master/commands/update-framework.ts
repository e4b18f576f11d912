import type { SchedulerCallUpdateFramework } from '../../protocol/messages.ts';
import { allocateSoon, announce, type Effect, log } from '../effects.ts';
import { known, record } from '../registry/entries.ts';
import { type Framework, type MasterState, rolesOf } from '../state.ts';
import { invalidChange, invalidDemand, invalidFramework, unwelcomeFramework } from './framework-validation.ts';
import { rescindOffer } from './offers.ts';
import { setDemand } from './subscribe.ts';

/**
 * UPDATE_FRAMEWORK: all that the framework says of itself is replaced, or nothing is. Offers of roles that it drops are
 * rescinded; offers of roles that it suppresses stay.
 */
export function updateFramework(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallUpdateFramework,
  now: number,
): { refusal: string } | { effects: Effect[] } {
  const refusal = invalidUpdate(state, framework, call);
  if (refusal !== undefined) return { refusal };
  const told = setDemand(state, framework, call);
  const roles = rolesOf(framework.info);
  const rescinded = [...framework.offers].flatMap((id) => {
    const role = state.offers.get(id)?.role;
    return role === undefined || roles.includes(role) ? [] : rescindOffer(state, id, 'ROLE_DROPPED', now);
  });
  return {
    effects: [
      record(known(framework)),
      ...rescinded,
      ...told,
      announce({ type: 'FRAMEWORK_UPDATED', framework }),
      log('framework updated', { id: framework.id, name: framework.info.name }),
      allocateSoon,
    ],
  };
}

function invalidUpdate(
  state: MasterState,
  framework: Framework,
  call: SchedulerCallUpdateFramework,
): string | undefined {
  const info = call.framework_info;
  const invalid = invalidFramework(info) ?? unwelcomeFramework(state, info);
  if (invalid !== undefined) return `Supplied FrameworkInfo is not valid: ${invalid}`;
  const change = invalidChange(framework.info, info);
  if (change !== undefined) return `FrameworkInfo update is not valid: ${change}`;
  const demand = invalidDemand(call);
  return demand === undefined ? undefined : `'UpdateFramework' call is not valid: ${demand}`;
}
