import { asFrameworkId } from '../../protocol/ids.ts';
import type { Agent, Framework, MasterState } from '../state.ts';
import type { AgentName, FrameworkName, Wish } from './answer.ts';

/** Why a framework gets nothing for one of its roles. */
export interface Question {
  state: MasterState;
  framework: Framework;
  role: string;
  wish: Wish | undefined;
  /** How many agents are looked at. */
  atMost: number;
  /** Milliseconds since the epoch. */
  now: number;
}

export function secondsOf(milliseconds: number): number {
  return milliseconds / 1000;
}

export function nameOf({ id, info }: Pick<Framework, 'id' | 'info'>): FrameworkName {
  return { framework_id: id, framework: info.name };
}

/** Of one that may be gone. */
export function nameById({ frameworks, completedFrameworks }: MasterState, id: string): FrameworkName {
  const known = frameworks.get(asFrameworkId(id)) ?? completedFrameworks.get(asFrameworkId(id));
  return known === undefined ? { framework_id: id, framework: id } : nameOf(known);
}

export function agentName({ id, info }: Pick<Agent, 'id' | 'info'>): AgentName {
  return { agent_id: id, hostname: info.hostname };
}

/** Since when a framework is not connected; undefined when it is. Milliseconds since the epoch. */
export function disconnectedSince({
  connected,
  recovered,
  removeAt,
  reregisteredAt,
  info,
}: Framework): number | undefined {
  if (connected) return undefined;
  return removeAt === undefined || recovered ? reregisteredAt : removeAt - (info.failover_timeout ?? 0) * 1000;
}
