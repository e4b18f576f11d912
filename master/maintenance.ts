import type { AgentId, FrameworkId } from '../protocol/ids.ts';
import type {
  AllocatorInverseOfferStatus,
  MachineID,
  MaintenanceSchedule,
  Unavailability,
} from '../protocol/messages.ts';
import type { Agent } from './state.ts';

/**
 * When which machines are taken away.
 *
 *     UP ──(scheduled)──► DRAINING ──START_MAINTENANCE──► DOWN ──STOP_MAINTENANCE──► UP
 *      ◄──(unscheduled)──────┘
 *
 * INVARIANT: the machines of `schedule` are those in `machines`. All others are UP.
 */
export interface Maintenance {
  schedule: MaintenanceSchedule;
  /** Key: machineKey(). */
  readonly machines: Map<string, Machine>;
}

export interface Machine {
  readonly id: MachineID;
  mode: 'DRAINING' | 'DOWN';
  unavailability: Unavailability;
  /** What frameworks answered to inverse offers of its agents, by agent and framework: the latest answer of each. */
  readonly answers: Map<string, AllocatorInverseOfferStatus>;
  /** Milliseconds since the epoch until which no inverse offer is made, by agent and framework. */
  readonly filters: Map<string, number>;
}

export function newMaintenance(): Maintenance {
  return { schedule: {}, machines: new Map() };
}

export function newMachine(id: MachineID, unavailability: Unavailability): Machine {
  return { id, mode: 'DRAINING', unavailability, answers: new Map(), filters: new Map() };
}

/** Machines are the same when both their host names and their addresses are; case does not matter. */
export function machineKey({ hostname = '', ip = '' }: MachineID): string {
  return `${hostname.toLowerCase()}|${ip}`;
}

/** The machine that an agent runs on, if it is due for maintenance. */
export function machineOf(maintenance: Maintenance, agent: Pick<Agent, 'info' | 'address'>): Machine | undefined {
  return maintenance.machines.get(machineKey({ hostname: agent.info.hostname, ip: agent.address.ip }));
}

/** The key of `answers` and `filters`. */
export function answerKey(agent: AgentId, framework: FrameworkId): string {
  return `${agent}/${framework}`;
}
