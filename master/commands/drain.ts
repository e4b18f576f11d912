import type { AgentId } from '../../protocol/ids.ts';
import { asAgentId } from '../../protocol/ids.ts';
import type { DrainConfig, DrainInfo, Duration, MasterCallDrainAgent } from '../../protocol/messages.ts';
import { allocateSoon, type Effect, log, sendToAgent } from '../effects.ts';
import { machineOf } from '../maintenance.ts';
import { admitted, record, unreachable } from '../registry/entries.ts';
import type { Agent, Drain, MasterState } from '../state.ts';
import { rescindOffer } from './offers.ts';
import { markGone } from './remove-agent.ts';

type Outcome = { refusal: string } | { effects: Effect[] };

/**
 * DRAIN_AGENT: nothing of the agent is offered any more, and its tasks are killed. One that is unreachable is drained when it comes back.
 *
 *     ──DRAIN_AGENT──► DRAINING ──(no task and no operation is left)──► DRAINED, or gone ──REACTIVATE_AGENT──►
 */
export function drainAgent(state: MasterState, call: MasterCallDrainAgent, now: number): Outcome {
  const agent = find(state, asAgentId(call.agent_id.value));
  if (agent === undefined) return { refusal: 'Unknown agent' };
  const machine = machineOf(state.maintenance, agent);
  if (machine !== undefined) {
    const { hostname, ip } = machine.id;
    const name = `Machine ${hostname ?? ''} (${ip ?? ''})`;
    return { refusal: `Agent ${agent.id} is part of a maintenance schedule under ${name}` };
  }
  const longest = nanosecondsOf(call.max_grace_period);
  if (longest !== undefined && (longest < 0 || longest > mostNanoseconds)) {
    return { refusal: "Expecting 'max_grace_period' to be between zero and 292 years" };
  }
  const config: DrainConfig = {
    ...(longest === undefined ? {} : { max_grace_period: { nanoseconds: longest } }),
    mark_gone: call.mark_gone ?? false,
  };
  agent.drain = { config, state: 'DRAINING', startedAt: now };
  const rescinded = deactivate(state, agent, now);
  const effects = [
    keep(state, agent),
    ...rescinded,
    sendToAgent(agent.id, { type: 'DRAIN', ...drainOrder(agent.drain) }),
    log('agent is drained', { id: agent.id, mark_gone: config.mark_gone }),
  ];
  return { effects: [...effects, ...settleDrain(state, agent, now)] };
}

/** DEACTIVATE_AGENT: nothing of the agent is offered any more; its tasks go on. */
export function deactivateAgent(state: MasterState, id: AgentId, now: number): Outcome {
  const agent = find(state, id);
  if (agent === undefined) return { refusal: 'Unknown agent' };
  const effects = deactivate(state, agent, now);
  return { effects: [keep(state, agent), ...effects, log('agent deactivated', { id })] };
}

/** REACTIVATE_AGENT: one that was deactivated, or drained to the end, is offered again. */
export function reactivateAgent(state: MasterState, id: AgentId): Outcome {
  const agent = find(state, id);
  if (agent === undefined || !agent.deactivated) return { refusal: 'Agent is not deactivated' };
  if (agent.drain?.state === 'DRAINING') return { refusal: 'Agent is still in the DRAINING state' };
  const wasDrained = agent.drain !== undefined;
  agent.deactivated = false;
  agent.drain = undefined;
  if (agent.connected) state.allocator.activateAgent(id);
  return {
    effects: [
      keep(state, agent),
      ...(wasDrained ? [sendToAgent(id, { type: 'DRAIN' })] : []),
      log('agent reactivated', { id }),
      allocateSoon,
    ],
  };
}

/** Ends the drains of agents that nothing is left on. */
export function settleDrains(state: MasterState, now: number): Effect[] {
  return [...state.agents.values()].flatMap((agent) => settleDrain(state, agent, now));
}

/** Executors may be left: without tasks they are idle. */
export function settleDrain(state: MasterState, agent: Agent, now: number): Effect[] {
  const { drain, tasks, operations } = agent;
  if (drain?.state !== 'DRAINING' || !agent.connected || tasks.size > 0 || operations.size > 0) return [];
  drain.state = 'DRAINED';
  const drained = log('agent is drained to the end', { id: agent.id });
  if (drain.config.mark_gone === true) return [drained, ...(markGone(state, agent.id, now) ?? [])];
  return [keep(state, agent), drained];
}

/** As the agent is told of its drain. */
export function drainOrder(drain: Drain | undefined): { drain?: { config: DrainConfig; started_at: number } } {
  return drain === undefined ? {} : { drain: { config: drain.config, started_at: drain.startedAt } };
}

/** As operators are told of it. */
export function drainInfo({ state, config }: Drain): DrainInfo {
  return { state, config };
}

function deactivate(state: MasterState, agent: Agent, now: number): Effect[] {
  agent.deactivated = true;
  if (!state.agents.has(agent.id)) return [];
  state.allocator.deactivateAgent(agent.id);
  return [...agent.offers].flatMap((offer) => rescindOffer(state, offer, 'AGENT_DEACTIVATED', now));
}

function find(state: MasterState, id: AgentId): Agent | undefined {
  return state.agents.get(id) ?? state.unreachableAgents.get(id)?.agent ?? state.recovery.agents.get(id)?.agent;
}

function keep(state: MasterState, agent: Agent): Effect {
  const since = state.unreachableAgents.get(agent.id)?.since;
  return record(since === undefined ? admitted(agent) : unreachable(agent, since));
}

// What 64 bits hold.
const mostNanoseconds = 9.2e18;

/** Numbers beyond 2^53 come as bigints from the codecs. */
function nanosecondsOf(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds ?? 0) * 1e9 + Number(duration.nanos ?? 0);
}
