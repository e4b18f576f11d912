import type { AgentId } from '../../protocol/ids.ts';
import { linkJson } from '../../protocol/link-json.ts';
import { machineOf } from '../maintenance.ts';
import type { Agent, MasterState, Remembered } from '../state.ts';
import { type AgentEntry, agentEntry } from './entries.ts';

/** An agent that an earlier master admitted. What is kept of it is not looked at until somebody asks: there may be fifty thousand. */
export class RememberedAgent implements Remembered {
  readonly #id: AgentId;
  readonly #state: Pick<MasterState, 'maintenance'>;
  #text: string | undefined;
  #agent: Agent | undefined;

  /** `text`: an AgentEntry. */
  constructor(state: Pick<MasterState, 'maintenance'>, id: AgentId, text: string) {
    this.#state = state;
    this.#id = id;
    this.#text = text;
  }

  /** An agent that says the same says it in the same order. */
  isJust(agent: Agent): boolean {
    return this.#text === linkJson(agentEntry(agent));
  }

  /** As it was; what commands change of it stays changed. */
  get agent(): Agent {
    if (this.#agent !== undefined) return this.#agent;
    // What is written of the registry is JSON of its entries.
    const entry = JSON.parse(this.#text ?? '') as AgentEntry;
    this.#text = undefined;
    this.#agent = awayAgent(this.#state, this.#id, entry);
    return this.#agent;
  }
}

/** One that is not connected, and of whose tasks nothing is known. */
export function awayAgent(
  { maintenance }: Pick<MasterState, 'maintenance'>,
  id: AgentId,
  { info, address, version, deactivated, drain }: AgentEntry,
): Agent {
  return {
    id,
    info,
    address,
    version,
    attempt: undefined,
    connected: false,
    registeredAt: 0,
    reregisteredAt: undefined,
    heardAt: 0,
    total: [],
    attributes: info.attributes ?? [],
    unavailability: machineOf(maintenance, { info, address })?.unavailability,
    deactivated: deactivated ?? false,
    drain: drain && { ...drain },
    offers: new Set(),
    inverseOffers: new Set(),
    tasks: new Map(),
    executors: new Map(),
    operations: new Map(),
    pendingKills: new Map(),
  };
}
