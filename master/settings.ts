import { MesitaError } from '../protocol/errors.ts';
import { duration } from '../runtime/duration-flag.ts';
import { type MasterFlags, percentage } from './flags.ts';
import { parseRemovalRate } from './removal-pace.ts';
import type { MasterSettings } from './state.ts';

/** What commands need to know of the flags. */
export function settingsOf(flags: MasterFlags): MasterSettings {
  const rate = flags.agent_removal_rate_limit;
  return {
    agentPingTimeout: flags.agent_ping_timeout * flags.max_agent_ping_timeouts,
    agentRemovalRate: rate === undefined ? undefined : checkedValue(parseRemovalRate(rate)),
    agentReregisterTimeout: checkedValue(duration(flags.agent_reregister_timeout)),
    recoveryRemovalLimit: checkedValue(percentage(flags.recovery_agent_removal_limit)),
    allocationRecoveryShare: Number(flags.allocator_agent_recovery_factor),
    allocationRecoveryTimeout: flags.allocator_recovery_timeout,
    maxCompletedFrameworks: flags.max_completed_frameworks,
    maxCompletedTasksPerFramework: flags.max_completed_tasks_per_framework,
    maxUnreachableTasksPerFramework: flags.max_unreachable_tasks_per_framework,
    maxLostAgents: flags.registry_max_agent_count,
    maxLostAgentAge: flags.registry_max_agent_age,
    rootSubmissions: flags.root_submissions,
    roles: flags.roles?.split(',').map((role) => role.trim()),
    offerTimeout: flags.offer_timeout,
    preemptionDelay: flags.preemption ? flags.preemption_delay : undefined,
  };
}

/** Of a flag whose text the flag table has checked already. */
export function checkedValue<T>(parsed: { value: T } | { error: string }): T {
  if ('error' in parsed) throw new MesitaError('MESITA_FLAG_INVALID', { message: parsed.error });
  return parsed.value;
}
