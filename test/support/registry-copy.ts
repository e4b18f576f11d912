import assert from 'node:assert/strict';
import { freshState } from '../../master/fresh-state.ts';
import { agentEntry, type RegistryEntry } from '../../master/registry/entries.ts';
import { recover } from '../../master/registry/recovery.ts';
import type { RegistryRecord } from '../../master/registry/registry-store.ts';
import type { Agent, Framework, MasterState } from '../../master/state.ts';
import { linkJson } from '../../protocol/link-json.ts';
import { AuditedAllocator } from './audited-allocator.ts';

/** What is written of a master, in the order of a registry: any. */
export class RegistryCopy {
  readonly #records = new Map<string, RegistryRecord>();

  get records(): RegistryRecord[] {
    return [...this.#records.values()].reverse();
  }

  write(entries: readonly RegistryEntry[]): void {
    for (const { table, key, value } of entries) {
      const place = `${table}/${key}`;
      this.#records.delete(place);
      if (value !== undefined) this.#records.set(place, { table, key, value: linkJson(value) });
    }
  }

  /** Throws unless a successor would know all that the master knows and has to pass on. */
  assertHas(state: MasterState): void {
    const { master, startedAt, settings } = state;
    const successor = freshState({ master, startedAt, settings, allocator: new AuditedAllocator() });
    recover(successor, { cluster: '', epoch: 2, records: this.records }, startedAt);
    assert.deepEqual(legacyOf(successor), legacyOf(state));
  }
}

function legacyOf(state: MasterState): object {
  const { agents, recovery, unreachableAgents, goneAgents, frameworks, completedFrameworks } = state;
  const admitted = [...agents.values(), ...[...recovery.agents.values()].map(({ agent }) => agent)];
  const { schedule, machines } = state.maintenance;
  return JSON.parse(
    linkJson({
      admitted: sorted(admitted.map(shownAgent)),
      unreachable: sorted([...unreachableAgents.values()].map(({ agent, since }) => [...shownAgent(agent), since])),
      gone: sorted([...goneAgents]),
      frameworks: sorted([...frameworks.values()].map(({ id, info }) => [id, info])),
      completed: sorted([...completedFrameworks.values()].map(shownCompleted)),
      quotas: sorted([...state.quotas].map(([role, { guarantees, limits }]) => [role, [...guarantees], [...limits]])),
      weights: sorted([...state.weights]),
      windows: schedule.windows ?? [],
      machines: sorted([...machines].map(([key, { mode, unavailability }]) => [key, mode, unavailability])),
    }),
  );
}

const shownAgent = (agent: Agent) => [agent.id, agentEntry(agent)];

function shownCompleted({ id, info, unregisteredAt }: Framework): unknown[] {
  return [id, info, unregisteredAt];
}

function sorted(list: unknown[][]): unknown[][] {
  return list.sort(([left], [right]) => (String(left) < String(right) ? -1 : 1));
}
