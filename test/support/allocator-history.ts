import assert from 'node:assert/strict';
import type { Allocation, Demand } from '../../master/allocator/allocator.ts';
import {
  HierarchicalAllocator,
  type HierarchicalAllocatorOptions,
} from '../../master/allocator/hierarchical-allocator.ts';
import type { Quota } from '../../master/allocator/standing.ts';
import { type AgentId, asAgentId, asFrameworkId, type FrameworkId } from '../../protocol/ids.ts';
import type { FrameworkInfoCapabilityType, Resource } from '../../protocol/messages.ts';
import { add, contains, reservationRole, scalarOf, subtract } from '../../protocol/resources.ts';
import { AuditedAllocator } from './audited-allocator.ts';
import { demandOf, factsOf, resourcesOf, sortedText } from './master-messages.ts';

const roles = ['*', 'a', 'a/b', 'a/b/c', 'a/d', 'b', 'c/d'] as const;
const tops = ['*', 'a', 'b', 'c'] as const;
const totals = [
  'cpus:4;mem:4096;ports:[31000-31010]',
  'cpus:8;mem:1024;disk:5000',
  'cpus:2;mem:512;cpus(a):2;mem(a):512',
  'cpus:1;cpus(a/b):3;mem(a):2048;mem:64',
  'cpus:2;mem:2048;gpus:1',
  'cpus:6;mem:6000;disk(c):100',
] as const;
const capabilities: FrameworkInfoCapabilityType[][] = [
  ['MULTI_ROLE'],
  ['MULTI_ROLE', 'GPU_RESOURCES', 'RESERVATION_REFINEMENT'],
  ['MULTI_ROLE', 'REVOCABLE_RESOURCES', 'SHARED_RESOURCES'],
];
const names = ['cpus', 'mem', 'disk', 'gpus'] as const;

interface Member {
  id: FrameworkId;
  capabilities: FrameworkInfoCapabilityType[];
  roles: string[];
  suppressed: Set<string>;
  active: boolean;
}

/** Something that happens to an allocator; `pick` and `more` choose among what there is. */
export interface Event {
  kind: (typeof eventKinds)[number];
  pick: number;
  more: number;
}

export const eventKinds = [
  'allocate',
  'allocate in slices',
  'decline',
  'decline',
  'decline all',
  'finish',
  'finish',
  'finish a part',
  'wait',
  'wait',
  'join',
  'join',
  'leave',
  'activate agent',
  'deactivate agent',
  'change agent',
  'subscribe',
  'subscribe',
  'tear down',
  'activate',
  'deactivate',
  'update',
  'suppress',
  'revive',
  'weigh',
  'set quota',
  'remove quota',
  'reserve',
  'reserve',
  'unreserve',
] as const;

/**
 * Lives through the same history with two allocators: one as it is, under audit, and one that is made to look at everything
 * in each cycle. What they do is compared, and so are the sums that the first one keeps with those of the audit.
 */
export class AllocatorHistory {
  readonly #allocator: AuditedAllocator;
  readonly #whole: HierarchicalAllocator;
  readonly #agents = new Map<AgentId, Resource[]>();
  readonly #members: Member[] = [];
  readonly #quotas = new Map<string, Quota>();
  readonly #weights = new Map<string, number | undefined>();
  #held: Allocation[] = [];
  #now = 0;
  #count = 0;
  #seed: number;
  readonly #isInterleaved: boolean;
  /** How many allocations there were. */
  allocations = 0;

  /** `isInterleaved`: cycles are interrupted by what happens; then nothing is compared. */
  constructor(seed: number, options: Partial<HierarchicalAllocatorOptions> = {}, isInterleaved = false) {
    this.#seed = seed;
    this.#isInterleaved = isInterleaved;
    this.#allocator = new AuditedAllocator(new HierarchicalAllocator(options));
    this.#whole = new HierarchicalAllocator(options);
  }

  happen({ kind, pick, more }: Event): void {
    this.#events[kind](pick, more);
  }

  readonly #events: Record<Event['kind'], (pick: number, more: number) => void> = {
    allocate: () => this.#allocate(undefined),
    'allocate in slices': (pick) => this.#allocate(1 + (pick % 3)),
    decline: (pick, more) => this.#giveBack(pick, () => true, { refuseSeconds: more % 7 }),
    'decline all': (_, more) => {
      while (this.#held.length > 0) this.#giveBack(0, () => true, { refuseSeconds: 1 + (more % 20) });
    },
    finish: (pick) => this.#giveBack(pick, () => true, undefined),
    'finish a part': (pick, more) => this.#giveBack(pick, (index) => index === more % 2, undefined),
    wait: (pick) => {
      this.#now += pick * 200;
    },
    join: (pick) => this.#join(asAgentId(`S${this.#count++}`), pick),
    leave: (pick) => this.#agent(pick, (id) => this.#leave(id)),
    'activate agent': (pick) => this.#agent(pick, (id) => this.#both((allocator) => allocator.activateAgent(id))),
    'deactivate agent': (pick) => this.#agent(pick, (id) => this.#both((allocator) => allocator.deactivateAgent(id))),
    'change agent': (pick, more) =>
      this.#agent(pick, (id) => {
        const total = resourcesOf(totals[more % totals.length] ?? '');
        this.#agents.set(id, total);
        this.#both((allocator) => allocator.updateAgent(id, total, factsOf(more % 2 === 0 ? '' : 'rack:1')));
      }),
    subscribe: (pick, more) => this.#subscribe(pick, more),
    'tear down': (pick) => this.#member(pick, (member) => this.#tearDown(member)),
    activate: (pick) => this.#setActive(pick, true),
    deactivate: (pick) => this.#setActive(pick, false),
    update: (pick, more) =>
      this.#member(pick, (member) => {
        member.roles = pickRoles(more);
        member.suppressed = new Set(more % 3 === 0 ? member.roles.slice(0, 1) : []);
        this.#both((allocator) => allocator.updateFramework(member.id, demand(member)));
      }),
    suppress: (pick, more) =>
      this.#member(pick, (member) => {
        const chosen = member.roles.slice(0, 1 + (more % 2));
        for (const role of chosen) member.suppressed.add(role);
        this.#both((allocator) => allocator.suppress(member.id, chosen));
      }),
    revive: (pick, more) =>
      this.#member(pick, (member) => {
        const chosen = member.roles.slice(0, 1 + (more % 2));
        for (const role of chosen) member.suppressed.delete(role);
        this.#both((allocator) => allocator.revive(member.id, chosen));
      }),
    weigh: (pick, more) => {
      const role = roles[pick % roles.length] ?? '*';
      const weight = more % 4 === 0 ? undefined : more % 4;
      this.#weights.set(role, weight);
      this.#both((allocator) => allocator.setWeight(role, weight));
    },
    'set quota': (pick, more) => {
      const role = tops[pick % tops.length] ?? '*';
      const guarantees = new Map([['cpus', more % 6], ...(more % 2 === 0 ? [['mem', 300 * (more % 9)] as const] : [])]);
      const limits = new Map(more % 3 === 0 ? [] : [['cpus', (more % 6) + (pick % 5)] as const]);
      this.#quotas.set(role, { guarantees, limits });
      this.#both((allocator) => allocator.setQuota(role, { guarantees, limits }));
    },
    'remove quota': (pick) => {
      const role = tops[pick % tops.length] ?? '*';
      this.#quotas.delete(role);
      this.#both((allocator) => allocator.setQuota(role, undefined));
    },
    reserve: (pick, more) => this.#reserve(pick, more),
    unreserve: (pick, more) => this.#unreserve(pick, more),
  };

  /** What the standings say is what the audit adds up. */
  checkSums(): void {
    const sums = new Map<string, Resource[]>();
    const enter = (key: string, resources: Resource[]) => sums.set(key, add(sums.get(key) ?? [], resources));
    for (const { framework, role, resources } of this.#held) {
      enter(`${role} ${framework}`, resources);
      for (const above of lineage(role)) enter(above, resources);
    }
    for (const [key, resources] of sums) {
      const [role = '', framework] = key.split(' ');
      const standing = this.#allocator.standing(role, framework === undefined ? undefined : asFrameworkId(framework));
      for (const name of names) {
        assert.equal(standing?.allocated.get(name) ?? 0, scalarOf(resources, name), `${name} of ${key}`);
      }
    }
    for (const role of tops) {
      const consumed = this.#allocator.standing(role)?.consumed ?? new Map();
      for (const name of names) assert.equal(consumed.get(name) ?? 0, this.#consumed(role, name), `${name} of ${role}`);
    }
  }

  /** Goes on with a cycle by a few agents; what happens next happens in between. */
  #allocateSome(agents: number): void {
    const before = this.#consumption();
    let asked = 0;
    const given = this.#allocator.allocate(this.#now, seeded(this.#seed++), () => ++asked < agents);
    this.#held.push(...given);
    this.allocations += given.length;
    this.#checkLimits(given, before);
  }

  #allocate(slice: number | undefined): void {
    if (this.#isInterleaved) {
      this.#allocateSome(slice ?? 4);
      return;
    }
    const before = this.#consumption();
    const seed = this.#seed++;
    const given: Allocation[] = [];
    let asked = 0;
    const random = seeded(seed);
    do given.push(...this.#allocator.allocate(this.#now, random, () => slice === undefined || ++asked % slice !== 0));
    while (this.#allocator.unfinished);
    const [first] = given;
    if (first !== undefined) {
      const reason = this.#whole.explain(first.framework, first.role, first.agent, this.#now);
      assert.equal(reason, undefined, `${first.framework} was given ${first.agent} for ${first.role} nevertheless`);
    }
    // So that it looks for everybody everywhere, and sorts all.
    for (const role of ['a', 'a/b', ...roles]) this.#whole.setWeight(role, this.#weights.get(role));
    for (const member of this.#members) this.#whole.updateFramework(member.id, demand(member));
    const expected = this.#whole.allocate(this.#now, seeded(seed));
    assert.deepEqual(shown(given), shown(expected), 'an incremental cycle gives something else than a whole one');
    this.#held.push(...given);
    this.allocations += given.length;
    this.#checkLimits(given, before);
    this.#checkReasons(given);
  }

  /** Whoever is not told of anything in his way would have been given something. */
  #checkReasons(given: readonly Allocation[]): void {
    if (given.length > 0) return;
    for (const { id, roles: own } of this.#members) {
      for (const role of own) {
        for (const agent of this.#agents.keys()) {
          const reason = this.#allocator.explain(id, role, agent, this.#now);
          assert.notEqual(reason, undefined, `${id} was not given ${agent} for ${role}, and there is no reason`);
          assert.notEqual(reason?.kind, 'ORDER', `${id} waits for others who do not take ${agent} either`);
        }
      }
    }
  }

  #checkLimits(given: readonly Allocation[], before: ReadonlyMap<string, number>): void {
    for (const [role, { limits }] of this.#quotas) {
      for (const [name, limit] of limits) {
        const earlier = before.get(`${role} ${name}`) ?? 0;
        const now = this.#consumed(role, name);
        assert.ok(now <= Math.max(limit, earlier), `${role} has ${now} of ${limit} ${name} after ${given.length}`);
      }
    }
  }

  #consumption(): Map<string, number> {
    const pairs = [...this.#quotas.keys()].flatMap((role) => names.map((name) => [role, name] as const));
    return new Map(pairs.map(([role, name]) => [`${role} ${name}`, this.#consumed(role, name)]));
  }

  /** What is unreserved and allocated, and what is reserved on an agent or of it allocated, whichever is more. */
  #consumed(top: string, name: string): number {
    let sum = 0;
    for (const { role, resources } of this.#held) {
      if (lineage(role)[0] === top)
        sum += scalarOf(
          resources.filter(({ reservations }) => reservations === undefined),
          name,
        );
    }
    for (const [agent, total] of this.#agents) {
      const held = this.#held.filter((allocation) => allocation.agent === agent).flatMap(({ resources }) => resources);
      const byKind = Map.groupBy(add([], [...total, ...held]).filter(isReservedFor(top)), (one) =>
        sortedText([{ ...one, scalar: { value: 1 } }]),
      );
      for (const [one] of byKind.values()) {
        if (one === undefined || one.type !== 'SCALAR') continue;
        const same = (resource: Resource) =>
          resource.name === name &&
          sortedText([{ ...resource, scalar: { value: 1 } }]) === sortedText([{ ...one, scalar: { value: 1 } }]);
        sum += Math.max(scalarOf(total.filter(same), name), scalarOf(add([], held).filter(same), name));
      }
    }
    return Math.round(sum * 1000) / 1000;
  }

  #both(action: (allocator: AuditedAllocator | HierarchicalAllocator) => void): void {
    action(this.#allocator);
    if (!this.#isInterleaved) action(this.#whole);
  }

  #join(id: AgentId, pick: number): void {
    const total = resourcesOf(totals[pick % totals.length] ?? '');
    this.#agents.set(id, total);
    this.#both((allocator) => allocator.addAgent(id, total, factsOf()));
  }

  #leave(id: AgentId): void {
    this.#recoverAll(({ agent }) => agent === id);
    this.#agents.delete(id);
    this.#both((allocator) => allocator.removeAgent(id));
  }

  #subscribe(pick: number, more: number): void {
    const member: Member = {
      id: asFrameworkId(`F${this.#count++}`),
      capabilities: capabilities[more % capabilities.length] ?? [],
      roles: pickRoles(pick),
      suppressed: new Set(),
      active: true,
    };
    this.#members.push(member);
    this.#both((allocator) => {
      allocator.addFramework(member.id, demand(member));
      allocator.activateFramework(member.id);
    });
  }

  #tearDown(member: Member): void {
    this.#recoverAll(({ framework }) => framework === member.id);
    this.#members.splice(this.#members.indexOf(member), 1);
    this.#both((allocator) => allocator.removeFramework(member.id));
  }

  #setActive(pick: number, active: boolean): void {
    this.#member(pick, (member) => {
      member.active = active;
      this.#both((allocator) =>
        active ? allocator.activateFramework(member.id) : allocator.deactivateFramework(member.id),
      );
    });
  }

  #giveBack(pick: number, chosen: (index: number) => boolean, filter: { refuseSeconds: number } | undefined): void {
    const [allocation] = this.#held.splice(pick % Math.max(1, this.#held.length), 1);
    if (allocation === undefined) return;
    const part = allocation.resources.filter((_, index) => chosen(index));
    const rest = allocation.resources.filter((resource) => !part.includes(resource));
    if (rest.length > 0) this.#held.push({ ...allocation, resources: rest });
    if (part.length === 0) return;
    const resources = rest.length === 0 ? allocation.resources : part;
    this.#both((allocator) => allocator.recover({ ...allocation, resources }, filter, this.#now));
  }

  /** A framework reserves what it holds, or an operator what is free. */
  #reserve(pick: number, more: number): void {
    const role = (['a', 'a/b', 'b'] as const)[more % 3] ?? 'a';
    const wanted = resourcesOf('cpus:0.5');
    const reserved = wanted.map((one): Resource => ({ ...one, reservations: [{ type: 'DYNAMIC', role }] }));
    this.#convert(pick, { consumed: wanted, converted: reserved });
  }

  #unreserve(pick: number, more: number): void {
    const role = (['a', 'a/b', 'b'] as const)[more % 3] ?? 'a';
    const wanted = resourcesOf('cpus:0.5');
    const reserved = wanted.map((one): Resource => ({ ...one, reservations: [{ type: 'DYNAMIC', role }] }));
    this.#convert(pick, { consumed: reserved, converted: wanted });
  }

  #convert(pick: number, conversion: { consumed: Resource[]; converted: Resource[] }): void {
    const { consumed, converted } = conversion;
    const index = this.#held.findIndex(({ resources }) => contains(resources, consumed));
    const allocation = this.#held[index];
    if (pick % 2 === 0 && allocation !== undefined) {
      const total = this.#agents.get(allocation.agent) ?? [];
      if (!contains(total, consumed)) return;
      this.#held[index] = { ...allocation, resources: add(subtract(allocation.resources, consumed), converted) };
      this.#agents.set(allocation.agent, add(subtract(total, consumed), converted));
      this.#both((allocator) => allocator.convert(allocation.agent, conversion, allocation));
      return;
    }
    for (const [id, total] of this.#agents) {
      if (!contains(subtract(total, this.#allocator.allocated(id)), consumed)) continue;
      this.#agents.set(id, add(subtract(total, consumed), converted));
      this.#both((allocator) => allocator.convert(id, conversion, undefined));
      return;
    }
  }

  #recoverAll(concerned: (allocation: Allocation) => boolean): void {
    for (const allocation of this.#held.filter(concerned)) {
      this.#both((allocator) => allocator.recover(allocation, undefined, this.#now));
    }
    this.#held = this.#held.filter((allocation) => !concerned(allocation));
  }

  #member(pick: number, action: (member: Member) => void): void {
    const member = this.#members.at(pick % Math.max(1, this.#members.length));
    if (member !== undefined) action(member);
  }

  #agent(pick: number, action: (id: AgentId) => void): void {
    const id = [...this.#agents.keys()].at(pick % Math.max(1, this.#agents.size));
    if (id !== undefined) action(id);
  }
}

/** The same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = (seed * 7_919 + 1) % 2_147_483_647;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function pickRoles(pick: number): string[] {
  return [...new Set([roles[pick % roles.length], roles[(pick >> 3) % roles.length]])].flatMap((role) => role ?? []);
}

function demand(member: Member): Demand {
  return {
    ...demandOf({ roles: member.roles, capabilities: member.capabilities }),
    suppressedRoles: member.suppressed,
  };
}

function isReservedFor(top: string): (resource: Resource) => boolean {
  return (resource) => resource.reservations !== undefined && lineage(reservationRole(resource))[0] === top;
}

function lineage(role: string): string[] {
  const parts = role.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function shown(allocations: readonly Allocation[]): string[] {
  return allocations.map(
    ({ framework, role, agent, resources }) => `${framework} ${role} ${agent} ${sortedText(resources)}`,
  );
}
