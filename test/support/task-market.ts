import { HierarchicalAllocator } from '../../master/allocator/hierarchical-allocator.ts';
import { asAgentId, asFrameworkId, type FrameworkId } from '../../protocol/ids.ts';
import type { Resource } from '../../protocol/messages.ts';
import { AuditedAllocator } from './audited-allocator.ts';
import { demandOf, factsOf } from './master-messages.ts';

/** Amounts for each task, or of a whole cluster. */
export interface Bundle {
  cpus: number;
  mem: number;
}

/**
 * One agent, and users who run as many tasks as they can, each of the same size: whoever is offered the agent launches one
 * and gives the rest back. Mesos' offers and the DRF paper's progressive filling are the same then.
 */
export class TaskMarket {
  readonly #allocator = new AuditedAllocator(new HierarchicalAllocator({ minimum: [] }));
  readonly #total: Bundle;
  readonly #tasks = new Map<FrameworkId, { demand: Bundle; count: number }>();
  readonly #agent = asAgentId('S');

  constructor(total: Bundle, demands: Record<string, Bundle>, roleOf: (user: string) => string = () => '*') {
    this.#total = total;
    this.#allocator.addAgent(this.#agent, resources(total), factsOf());
    for (const [user, demand] of Object.entries(demands)) {
      const id = asFrameworkId(user);
      this.#tasks.set(id, { demand, count: 0 });
      this.#allocator.addFramework(id, demandOf({ role: roleOf(user) }));
      this.#allocator.activateFramework(id);
    }
  }

  setWeight(role: string, weight: number): void {
    this.#allocator.setWeight(role, weight);
  }

  /** Until nobody can launch anything any more, or (`atFirstRefusal`) until somebody cannot. How many tasks each has. */
  run(atFirstRefusal = false): Record<string, number> {
    for (;;) {
      const [offer] = this.#allocator.allocate(0, () => 0);
      if (offer === undefined) break;
      const user = this.#tasks.get(offer.framework);
      if (user === undefined) throw new Error('an offer to nobody');
      const used = this.used();
      const fits =
        used.cpus + user.demand.cpus <= this.#total.cpus + 1e-9 && used.mem + user.demand.mem <= this.#total.mem + 1e-9;
      this.#allocator.recover(offer, undefined, 0);
      if (fits) {
        user.count++;
        this.#allocator.charge({ ...offer, resources: resources(user.demand) });
      } else if (atFirstRefusal) break;
      else this.#allocator.suppress(offer.framework, []);
    }
    return Object.fromEntries([...this.#tasks].map(([id, { count }]) => [id, count]));
  }

  shareOf(user: string): number {
    const framework = asFrameworkId(user);
    return this.#allocator.standing('*', framework)?.share ?? 0;
  }

  used(): Bundle {
    let [cpus, mem] = [0, 0];
    for (const { demand, count } of this.#tasks.values()) {
      cpus += demand.cpus * count;
      mem += demand.mem * count;
    }
    return { cpus, mem };
  }
}

function resources({ cpus, mem }: Bundle): Resource[] {
  return [
    { name: 'cpus', type: 'SCALAR', scalar: { value: cpus } },
    { name: 'mem', type: 'SCALAR', scalar: { value: mem } },
  ];
}
