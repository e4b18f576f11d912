import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Allocation } from '../../../../master/allocator/allocator.ts';
import { type AgentId, asAgentId, asFrameworkId, type FrameworkId } from '../../../../protocol/ids.ts';
import { normalize } from '../../../../protocol/resources.ts';
import { AuditedAllocator } from '../../../support/audited-allocator.ts';
import { demandOf, factsOf, resourcesOf, sortedText } from '../../../support/master-messages.ts';

const totals = [
  'cpus:4;mem:4096',
  'cpus:1.5;mem:512;ports:[31000-31009]',
  'cpus:2;mem(a):1024;mem:64',
  'gpus:1;cpus:1',
];

/** An allocator whose actions are drawn at random; the audit throws when something is given or taken back twice. */
class Game {
  readonly allocator = new AuditedAllocator();
  readonly agents: AgentId[] = [];
  readonly frameworks: FrameworkId[] = [];
  readonly totals = new Map<AgentId, string>();
  held: Allocation[] = [];
  now = 0;
  #count = 0;

  act(kind: number, pick: number): void {
    const actions = [
      () => this.#addAgent(pick),
      () => this.#addFramework(pick),
      () => this.allocate(pick),
      () => this.allocate(pick),
      () => this.#giveBack(pick, 1),
      () => this.#giveBack(pick, 0.5),
      () => this.#removeAgent(pick),
      () => this.#removeFramework(pick),
      () => this.#framework(pick, (id) => this.allocator.deactivateFramework(id)),
      () => this.#framework(pick, (id) => this.allocator.activateFramework(id)),
      () => this.#framework(pick, (id) => this.allocator.suppress(id, [])),
      () => this.#framework(pick, (id) => this.allocator.revive(id, [])),
      () => this.#agent(pick, (id) => this.allocator.deactivateAgent(id)),
      () => this.#agent(pick, (id) => this.allocator.activateAgent(id)),
      () => {
        this.now += pick * 500;
      },
    ];
    actions[kind % actions.length]?.();
  }

  allocate(pick: number): void {
    this.held.push(...this.allocator.allocate(this.now, () => (pick % 8) / 8));
  }

  /** Everything back, everyone there: each agent must have all of its resources to offer. */
  finish(): void {
    for (const allocation of this.held.splice(0)) this.allocator.recover(allocation, undefined, this.now);
    for (const id of this.agents) this.allocator.activateAgent(id);
    for (const id of this.frameworks) this.allocator.deactivateFramework(id);
    const judge = asFrameworkId('judge');
    this.allocator.addFramework(judge, demandOf({ role: 'a', capabilities: ['GPU_RESOURCES'] }));
    this.allocator.activateFramework(judge);
    this.allocate(0);
    for (const id of this.agents) {
      const given = this.held.filter(({ agent }) => agent === id).flatMap(({ resources }) => resources);
      assert.equal(sortedText(normalize(given)), sortedText(resourcesOf(this.totals.get(id) ?? '')));
    }
  }

  #addAgent(pick: number): void {
    const id = asAgentId(`S${this.#count++}`);
    const total = totals[pick % totals.length] ?? '';
    this.agents.push(id);
    this.totals.set(id, total);
    this.allocator.addAgent(id, resourcesOf(total), factsOf());
  }

  #addFramework(pick: number): void {
    const id = asFrameworkId(`F${this.#count++}`);
    this.frameworks.push(id);
    const role = ['*', 'a', 'a/b', 'c'][pick % 4] ?? '*';
    this.allocator.addFramework(id, demandOf({ role, ...(pick % 3 === 0 ? { capabilities: ['GPU_RESOURCES'] } : {}) }));
    this.allocator.activateFramework(id);
  }

  #giveBack(pick: number, part: number): void {
    const [allocation] = this.held.splice(pick % Math.max(1, this.held.length), 1);
    if (allocation === undefined) return;
    const resources = allocation.resources.filter((_, index) => part === 1 || index === 0);
    const rest = allocation.resources.filter((resource) => !resources.includes(resource));
    if (rest.length > 0) this.held.push({ ...allocation, resources: rest });
    const filter = pick % 2 === 0 ? undefined : { refuseSeconds: pick % 5 };
    this.allocator.recover({ ...allocation, resources }, filter, this.now);
  }

  #removeAgent(pick: number): void {
    const [id] = this.agents.splice(pick % Math.max(1, this.agents.length), 1);
    if (id === undefined) return;
    this.#recoverAll(({ agent }) => agent === id);
    this.allocator.removeAgent(id);
  }

  #removeFramework(pick: number): void {
    const [id] = this.frameworks.splice(pick % Math.max(1, this.frameworks.length), 1);
    if (id === undefined) return;
    this.#recoverAll(({ framework }) => framework === id);
    this.allocator.removeFramework(id);
  }

  #recoverAll(concerned: (allocation: Allocation) => boolean): void {
    for (const allocation of this.held.filter(concerned)) this.allocator.recover(allocation, undefined, this.now);
    this.held = this.held.filter((allocation) => !concerned(allocation));
  }

  #framework(pick: number, action: (id: FrameworkId) => void): void {
    const id = this.frameworks.at(pick % Math.max(1, this.frameworks.length));
    if (id !== undefined) action(id);
  }

  #agent(pick: number, action: (id: AgentId) => void): void {
    const id = this.agents.at(pick % Math.max(1, this.agents.length));
    if (id !== undefined) action(id);
  }
}

test('nothing is allocated twice, and what was given back is there to give again', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 80, size: 'max' }), (actions) => {
      const game = new Game();
      for (const [kind, pick] of actions) game.act(kind, pick);
      game.finish();
    }),
    { numRuns: 300 },
  );
});

test('with two identical frameworks that take all they are offered, the shares differ by one agent at the most', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (agents, randoms) => {
        const allocator = new AuditedAllocator();
        for (const name of ['f1', 'f2']) {
          allocator.addFramework(asFrameworkId(name), demandOf());
          allocator.activateFramework(asFrameworkId(name));
        }
        const counts = { f1: 0, f2: 0 };
        for (let index = 0; index < agents; index++) {
          allocator.addAgent(asAgentId(`S${index}`), resourcesOf('cpus:2;mem:512'), factsOf());
          if (index % 3 !== 0) continue;
          for (const { framework } of allocator.allocate(0, () => randoms.next().value ?? 0))
            counts[framework as unknown as 'f1' | 'f2']++;
          assert.ok(Math.abs(counts.f1 - counts.f2) <= 1, `${counts.f1} and ${counts.f2} agents`);
        }
      },
    ),
    { numRuns: 100 },
  );
});
