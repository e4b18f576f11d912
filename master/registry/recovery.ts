import { describeError, MesitaError } from '../../protocol/errors.ts';
import { asAgentId, asFrameworkId } from '../../protocol/ids.ts';
import { decodeJson } from '../../protocol/json-codec.ts';
import { emptyFramework, unlimited } from '../commands/subscribe.ts';
import { machineKey, newMachine } from '../maintenance.ts';
import type { MasterState } from '../state.ts';
import type { RegistryValues } from './entries.ts';
import type { OpenRegistry, RegistryRecord, RegistryTable } from './registry-store.ts';
import { awayAgent, RememberedAgent } from './remembered-agent.ts';

/**
 * What the masters before knew, as a new one begins with it: `state` is a fresh one. Whoever was admitted has until
 * `--agent_reregister_timeout` is over to come back. Throws MESITA_REGISTRY_INVALID.
 */
export function recover(state: MasterState, { cluster, epoch, records }: OpenRegistry, now: number): void {
  state.reign = { cluster, epoch };
  state.electedAt = now;
  const byTable = Map.groupBy(records, ({ table }) => table);
  for (const table of order) {
    for (const record of sorted(table, byTable.get(table) ?? [])) recoverOne(state, table, record, now);
  }
  const { recovery, settings } = state;
  recovery.total = recovery.agents.size;
  recovery.until = now + settings.agentReregisterTimeout * 1000;
  recovery.offersWait = recovery.total > 0 && [...state.quotas.values()].some(({ guarantees }) => guarantees.size > 0);
}

/** Agents are told by the machines that they are on, and so come after these. */
const order = [
  'maintenance',
  'weights',
  'quotas',
  'completed',
  'frameworks',
  'gone',
  'unreachable',
  'agents',
] as const satisfies RegistryTable[];

interface Recovered<Value> {
  readonly key: string;
  readonly value: Value;
}

type Put<Table extends RegistryTable> = (
  state: MasterState,
  one: Recovered<RegistryValues[Table]>,
  now: number,
) => void;

const put: { [Table in Exclude<RegistryTable, 'agents'>]: Put<Table> } = {
  maintenance: ({ maintenance }, { key, value: { schedule: text, down } }) => {
    const decoded = decodeJson('MaintenanceSchedule', Buffer.from(text));
    if (!decoded.ok) throw invalid('maintenance', key, decoded.error);
    const schedule = decoded.value;
    maintenance.schedule = schedule;
    const isDown = new Set(down.map(machineKey));
    for (const { machine_ids = [], unavailability } of schedule.windows ?? []) {
      for (const id of machine_ids) {
        const key = machineKey(id);
        const machine = newMachine(id, unavailability);
        maintenance.machines.set(key, isDown.has(key) ? { ...machine, mode: 'DOWN' } : machine);
      }
    }
  },
  weights: (state, { key, value }) => {
    state.weights.set(key, value);
    state.allocator.setWeight(key, value);
  },
  quotas: (state, { key, value }) => {
    const quota = {
      guarantees: new Map(Object.entries(value.guarantees)),
      limits: new Map(Object.entries(value.limits)),
    };
    state.quotas.set(key, quota);
    if (quota.guarantees.size + quota.limits.size > 0) state.allocator.setQuota(key, quota);
  },
  completed: (state, { key, value }) => {
    const framework = emptyFramework(asFrameworkId(key), value.info, value.registered_at);
    state.completedFrameworks.set(framework.id, { ...framework, unregisteredAt: value.unregistered_at });
  },
  frameworks: (state, { key, value: { info } }, now) => {
    const framework = emptyFramework(asFrameworkId(key), info, now);
    // One that is connected all the time may have no failover timeout at all: this master did not give it a chance yet.
    const seconds = Math.max(info.failover_timeout ?? 0, state.settings.agentReregisterTimeout);
    state.frameworks.set(framework.id, { ...framework, recovered: true, removeAt: now + seconds * 1000 });
    state.allocator.addFramework(framework.id, unlimited(info));
  },
  gone: (state, { key, value: since }) => void state.goneAgents.set(asAgentId(key), since),
  unreachable: (state, { key, value }) => {
    const agent = awayAgent(state, asAgentId(key), value);
    state.unreachableAgents.set(agent.id, { agent, since: value.since });
  },
};

function recoverOne(state: MasterState, table: RegistryTable, { key, value }: Recovered<unknown>, now: number): void {
  if (table === 'agents') {
    const id = asAgentId(key);
    state.recovery.agents.set(id, new RememberedAgent(state, id, String(value)));
    return;
  }
  // The table is exhaustive by its type; the compiler cannot follow that the name and the value belong together.
  (put[table] as (state: MasterState, one: Recovered<unknown>, now: number) => void)(state, { key, value }, now);
}

/** Those of tables that are kept oldest first are put so. Agents are not decoded. */
function sorted(table: RegistryTable, records: readonly RegistryRecord[]): Recovered<unknown>[] {
  const decoded = records.map(({ key, value = 'null' }) => ({
    key,
    value: table === 'agents' ? value : decode(table, key, value),
  }));
  const since = sinceOf[table];
  return since === undefined ? decoded : decoded.sort((left, right) => since(left.value) - since(right.value));
}

const sinceOf: { [Table in RegistryTable]?: (value: unknown) => number } = {
  completed: (value) => (value as RegistryValues['completed']).unregistered_at,
  gone: (value) => value as number,
  unreachable: (value) => (value as RegistryValues['unreachable']).since,
};

function decode(table: RegistryTable, key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(table, key, describeError(cause));
  }
}

function invalid(table: RegistryTable, key: string, why: string): MesitaError {
  const message = `The entry ${key} of ${table} in the registry cannot be read: ${why}`;
  return new MesitaError('MESITA_REGISTRY_INVALID', { message });
}
