import type {
  MachineID,
  MaintenanceClusterStatus,
  MaintenanceSchedule,
  Unavailability,
} from '../../protocol/messages.ts';
import { allocateSoon, type Effect, log, sendToAgent } from '../effects.ts';
import { type Machine, machineKey, newMachine } from '../maintenance.ts';
import { planned, record } from '../registry/entries.ts';
import type { Agent, MasterState } from '../state.ts';
import { rescindInverseOffers } from './inverse-offers.ts';
import { rescindOffer } from './offers.ts';
import { removeAgent } from './remove-agent.ts';

type Outcome = { refusal: string } | { effects: Effect[] };

/** UPDATE_MAINTENANCE_SCHEDULE: machines that are named drain, others are up; offers of those that change are made anew. */
export function updateSchedule(state: MasterState, schedule: MaintenanceSchedule, now: number): Outcome {
  const { maintenance } = state;
  const refusal = invalidSchedule(schedule) ?? lostMachine(state, schedule);
  if (refusal !== undefined) return { refusal };
  const before = new Map(maintenance.machines);
  maintenance.schedule = schedule;
  maintenance.machines.clear();
  for (const { machine_ids = [], unavailability } of schedule.windows ?? []) {
    for (const id of machine_ids) {
      const known = before.get(machineKey(id));
      maintenance.machines.set(machineKey(id), known ? { ...known, unavailability } : newMachine(id, unavailability));
    }
  }
  const effects: Effect[] = [
    record(planned(maintenance)),
    log('maintenance schedule updated', { machines: maintenance.machines.size }),
  ];
  for (const agent of state.agents.values()) {
    const key = keyOfAgent(agent);
    const next = maintenance.machines.get(key)?.unavailability;
    if (isSame(before.get(key)?.unavailability, next)) continue;
    effects.push(...changeUnavailability(state, agent, next, now));
  }
  return { effects };
}

/** START_MAINTENANCE: draining machines go down. Their agents end, and cannot come back while their machines are down. */
export function startMaintenance(state: MasterState, ids: readonly MachineID[], now: number): Outcome {
  const refusal =
    invalidMachines(ids, 'List of machines is empty') ??
    notIn('DRAINING', state, ids, 'is not in DRAINING mode and cannot be brought down');
  if (refusal !== undefined) return { refusal };
  const keys = new Set(ids.map(machineKey));
  for (const key of keys) {
    const machine = state.maintenance.machines.get(key);
    if (machine !== undefined) machine.mode = 'DOWN';
  }
  const cause = "Operator initiated 'Machine DOWN'";
  const effects = [...state.agents.values()]
    .filter((agent) => keys.has(keyOfAgent(agent)))
    .flatMap(({ id }) => [
      sendToAgent(id, { type: 'SHUTDOWN', message: cause }),
      ...removeAgent(state, id, now, cause),
    ]);
  return { effects: [record(planned(state.maintenance)), ...effects] };
}

/** STOP_MAINTENANCE: machines that are down come up, and leave the schedule. */
export function stopMaintenance(state: MasterState, ids: readonly MachineID[]): Outcome {
  const refusal =
    invalidMachines(ids, 'List of machines is empty') ??
    notIn('DOWN', state, ids, 'is not in DOWN mode and cannot be brought up');
  if (refusal !== undefined) return { refusal };
  const { maintenance } = state;
  const keys = new Set(ids.map(machineKey));
  for (const key of keys) maintenance.machines.delete(key);
  const windows = (maintenance.schedule.windows ?? []).flatMap((window) => {
    const machine_ids = (window.machine_ids ?? []).filter((id) => !keys.has(machineKey(id)));
    return machine_ids.length === 0 ? [] : [{ ...window, machine_ids }];
  });
  maintenance.schedule = windows.length === 0 ? {} : { windows };
  return { effects: [record(planned(maintenance))] };
}

/** What GET_MAINTENANCE_STATUS tells: machines that drain, with what frameworks answered, and machines that are down. */
export function maintenanceStatus({ maintenance }: MasterState): MaintenanceClusterStatus {
  const machines = [...maintenance.machines.values()];
  const draining_machines = machines
    .filter(({ mode }) => mode === 'DRAINING')
    .map(({ id, answers }) => (answers.size === 0 ? { id } : { id, statuses: [...answers.values()] }));
  const down_machines = machines.filter(({ mode }) => mode === 'DOWN').map(({ id }) => id);
  return {
    ...(draining_machines.length === 0 ? {} : { draining_machines }),
    ...(down_machines.length === 0 ? {} : { down_machines }),
  };
}

function changeUnavailability(
  state: MasterState,
  agent: Agent,
  unavailability: Unavailability | undefined,
  now: number,
): Effect[] {
  agent.unavailability = unavailability;
  // Whoever answered did so to another question.
  const machine = state.maintenance.machines.get(keyOfAgent(agent));
  machine?.answers.clear();
  machine?.filters.clear();
  const effects = [...agent.offers].flatMap((offer) => rescindOffer(state, offer, 'MAINTENANCE', now));
  return [...effects, ...rescindInverseOffers(state, agent), allocateSoon];
}

function keyOfAgent({ info, address }: Agent): string {
  return machineKey({ hostname: info.hostname, ip: address.ip });
}

function isSame(left: Unavailability | undefined, right: Unavailability | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return (
    left.start.nanoseconds === right.start.nanoseconds && left.duration?.nanoseconds === right.duration?.nanoseconds
  );
}

function invalidSchedule(schedule: MaintenanceSchedule): string | undefined {
  const seen = new Set<string>();
  for (const { machine_ids = [], unavailability } of schedule.windows ?? []) {
    if ((unavailability.duration?.nanoseconds ?? 0) < 0) return "Unavailability 'duration' is negative";
    const wrong = invalidMachines(machine_ids, 'List of machines in the maintenance window is empty');
    if (wrong !== undefined) return wrong;
    for (const id of machine_ids) {
      if (seen.has(machineKey(id))) return `${named(id)} appears more than once in the schedule`;
      seen.add(machineKey(id));
    }
  }
  return undefined;
}

function invalidMachines(ids: readonly MachineID[], ifEmpty: string): string | undefined {
  if (ids.length === 0) return ifEmpty;
  return ids.some(({ hostname = '', ip = '' }) => hostname === '' && ip === '')
    ? "Both 'hostname' and 'ip' for a machine are empty"
    : undefined;
}

/** A machine that is down stays in the schedule until it is brought up. */
function lostMachine({ maintenance }: MasterState, schedule: MaintenanceSchedule): string | undefined {
  const kept = new Set((schedule.windows ?? []).flatMap(({ machine_ids = [] }) => machine_ids.map(machineKey)));
  for (const [key, { id, mode }] of maintenance.machines) {
    if (mode === 'DOWN' && !kept.has(key)) return `${named(id)} is deactivated and cannot be removed from the schedule`;
  }
  return undefined;
}

function notIn(
  mode: Machine['mode'],
  { maintenance }: MasterState,
  ids: readonly MachineID[],
  reason: string,
): string | undefined {
  for (const id of ids) {
    const machine = maintenance.machines.get(machineKey(id));
    if (machine === undefined) return `${named(id)} is not part of a maintenance schedule`;
    if (machine.mode !== mode) return `${named(id)} ${reason}`;
  }
  return undefined;
}

function named({ hostname, ip }: MachineID): string {
  return `Machine '${JSON.stringify({ hostname, ip })}'`;
}
