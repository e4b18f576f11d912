import { encodeJson } from '../../protocol/json-codec.ts';
import type { AgentInfo, FrameworkInfo, MachineID } from '../../protocol/messages.ts';
import type { Quota } from '../allocator/standing.ts';
import type { Effect } from '../effects.ts';
import type { Maintenance } from '../maintenance.ts';
import type { Agent, Drain, Framework } from '../state.ts';
import type { RegistryTable } from './registry-store.ts';

/** An admitted agent, key: its id. */
export interface AgentEntry {
  readonly info: AgentInfo;
  readonly address: Agent['address'];
  readonly version: string;
  readonly deactivated?: true;
  readonly drain?: Drain;
}

/** A framework that is not over, key: its id. */
export interface FrameworkEntry {
  readonly info: FrameworkInfo;
}

/** One that is, and may not come back. Milliseconds since the epoch. */
export interface CompletedEntry {
  readonly info: FrameworkInfo;
  readonly registered_at: number;
  readonly unregistered_at: number;
}

/** Key: the role. */
export interface QuotaEntry {
  readonly guarantees: Readonly<Record<string, number>>;
  readonly limits: Readonly<Record<string, number>>;
}

/** The only entry of its table. */
export interface MaintenanceEntry {
  /** A MaintenanceSchedule in JSON: its times have more digits than a number of JavaScript. */
  readonly schedule: string;
  readonly down: readonly MachineID[];
}

/** What is kept in each table. */
export interface RegistryValues extends Record<RegistryTable, unknown> {
  agents: AgentEntry;
  /** Since when, in milliseconds since the epoch. */
  unreachable: AgentEntry & { readonly since: number };
  /** Since when, too. */
  gone: number;
  frameworks: FrameworkEntry;
  completed: CompletedEntry;
  quotas: QuotaEntry;
  weights: number;
  maintenance: MaintenanceEntry;
}

/** One entry of the registry as it shall be from now on; without a value there is none. */
export type RegistryEntry = {
  [Table in RegistryTable]: { table: Table; key: string; value: RegistryValues[Table] | undefined };
}[RegistryTable];

/** To be kept before any effect behind it. */
export function record(...entries: RegistryEntry[]): Effect {
  return { kind: 'record', entries };
}

export function admitted(agent: Agent): RegistryEntry {
  return { table: 'agents', key: agent.id, value: agentEntry(agent) };
}

export function unreachable(agent: Agent, since: number): RegistryEntry {
  return { table: 'unreachable', key: agent.id, value: { ...agentEntry(agent), since } };
}

export function gone(id: Agent['id'], since: number): RegistryEntry {
  return { table: 'gone', key: id, value: since };
}

export function absent(table: RegistryTable, key: string): RegistryEntry {
  return { table, key, value: undefined };
}

export function known({ id, info }: Framework): RegistryEntry {
  return { table: 'frameworks', key: id, value: { info } };
}

export function completed({ id, info, registeredAt, unregisteredAt }: Framework): RegistryEntry {
  const value = { info, registered_at: registeredAt, unregistered_at: unregisteredAt ?? registeredAt };
  return { table: 'completed', key: id, value };
}

export function quota(role: string, { guarantees, limits }: Quota): RegistryEntry {
  const value = { guarantees: Object.fromEntries(guarantees), limits: Object.fromEntries(limits) };
  return { table: 'quotas', key: role, value };
}

export function weight(role: string, value: number): RegistryEntry {
  return { table: 'weights', key: role, value };
}

export const maintenanceKey = 'all';

export function planned({ schedule, machines }: Maintenance): RegistryEntry {
  const down = [...machines.values()].filter(({ mode }) => mode === 'DOWN').map(({ id }) => id);
  return {
    table: 'maintenance',
    key: maintenanceKey,
    value: { schedule: encodeJson('MaintenanceSchedule', schedule), down },
  };
}

/** What is kept of an agent, whatever has become of it. */
export function agentEntry({ info, address, version, deactivated, drain }: Agent): AgentEntry {
  return {
    info,
    address,
    version,
    ...(deactivated && { deactivated }),
    ...(drain && { drain }),
  };
}
