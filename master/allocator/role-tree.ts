import type { Client } from './client.ts';
import { Contender } from './contender.ts';
import { isNone, type Quantities } from './quantities.ts';
import { Ranking } from './ranking.ts';
import type { RoleQuota } from './role-quota.ts';
import type { Sorter } from './sorters/sorter.ts';

export interface Sorters {
  role: () => Sorter;
  framework: () => Sorter;
}

/**
 * A role, or one that is there only because there are roles below it. What it counts as allocated is that of all roles below
 * it as well; among those below it, its own frameworks stand as a leaf beside its children.
 */
export class RoleNode extends Contender {
  /** Undefined: the root of all. */
  readonly parent: RoleNode | undefined;
  /** Of the top level, above it or itself. */
  readonly top: RoleNode;
  readonly children = new Map<string, RoleNode>();
  /** Its children and its leaf, as far as somebody there takes offers. */
  readonly ranking: Ranking<RoleNode | RoleLeaf>;
  leaf: RoleLeaf | undefined;
  /** How many clients at it or below it take offers. */
  active = 0;
  /** Kept for the roles of the top level alone, for all below them: unreserved allocations that are not revocable, */
  readonly unreserved: Quantities = [];
  /** … what is reserved, whether allocated or not, … */
  readonly reserved: Quantities = [];
  /** … and what both together are measured by. */
  quota: RoleQuota | undefined;

  constructor(path: string, arrival: number, weight: number, sorter: Sorter, parent: RoleNode | undefined) {
    super(path, arrival, weight, weight);
    this.parent = parent;
    this.top = parent?.parent === undefined ? this : parent.top;
    this.ranking = new Ranking(sorter);
  }
}

/** The frameworks of one role: Mesos' virtual leaf `.`. */
export class RoleLeaf extends Contender {
  readonly node: RoleNode;
  /** Never that of another leaf. */
  readonly id: number;
  /** The roles whose reservations are open to it: its own, and those above. */
  readonly lineage: readonly string[];
  readonly clients = new Set<Client>();
  /** Those that take offers. */
  readonly ranking: Ranking<Client>;

  constructor(node: RoleNode, id: number, sorter: Sorter) {
    super(node.path, id, 1, 1);
    this.node = node;
    this.id = id;
    this.lineage = lineageOf(node.path);
    this.ranking = new Ranking(sorter);
  }
}

/** `a/b/c`: `a`, `a/b`, `a/b/c`. */
function lineageOf(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The roles that there are: those with frameworks, allocations, reservations or a quota, and those above them. */
export class RoleTree {
  readonly root: RoleNode;
  readonly #sorters: Sorters;
  readonly #weights = new Map<string, number>();
  #arrivals = 1;

  constructor(sorters: Sorters) {
    this.#sorters = sorters;
    this.root = new RoleNode('', 0, 1, sorters.role(), undefined);
  }

  find(path: string): RoleNode | undefined {
    let node: RoleNode | undefined = this.root;
    for (const part of path.split('/')) node = node?.children.get(part);
    return node;
  }

  /** The node of a role, made when there is none. */
  node(path: string): RoleNode {
    let node = this.root;
    for (const part of path.split('/')) {
      const own = node === this.root ? part : `${node.path}/${part}`;
      let child = node.children.get(part);
      if (child === undefined) {
        const weight = this.#weights.get(own) ?? 1;
        child = new RoleNode(own, this.#arrivals++, weight, this.#sorters.role(), node);
        node.children.set(part, child);
      }
      node = child;
    }
    return node;
  }

  leaf(path: string): RoleLeaf {
    const node = this.node(path);
    node.leaf ??= new RoleLeaf(node, this.#arrivals++, this.#sorters.framework());
    return node.leaf;
  }

  weightOf(path: string): number {
    return this.#weights.get(path) ?? 1;
  }

  setWeight(path: string, weight: number | undefined): void {
    if (weight === undefined) this.#weights.delete(path);
    else this.#weights.set(path, weight);
    const node = this.find(path);
    if (node === undefined) return;
    node.weight = weight ?? 1;
    node.priority = node.weight;
    node.parent?.ranking.unsettle();
  }

  /** A client begins to take offers, or ceases to: roles without any do not stand in rankings. */
  count(leaf: RoleLeaf, by: 1 | -1): void {
    let below: RoleLeaf | RoleNode = leaf;
    const size = leaf.ranking.size;
    let changed = by === 1 ? size === 1 : size === 0;
    for (let node: RoleNode | undefined = leaf.node; node !== undefined; node = node.parent) {
      if (changed && by === 1) node.ranking.add(below);
      else if (changed) node.ranking.remove(below);
      node.active += by;
      changed = by === 1 ? node.active === 1 : node.active === 0;
      below = node;
    }
  }

  /** Forgets a role, and those above it, as far as nothing of them is left. */
  prune(from: RoleNode): void {
    if (from.leaf?.clients.size === 0) from.leaf = undefined;
    for (let node = from; node.parent !== undefined; node = node.parent) {
      const isLeft =
        node.leaf !== undefined ||
        node.children.size > 0 ||
        node.quota !== undefined ||
        !isNone(node.allocated) ||
        !isNone(node.reserved);
      if (isLeft) return;
      node.parent.children.delete(node.path.slice(node.path.lastIndexOf('/') + 1));
    }
  }

  *nodes(from: RoleNode = this.root): Generator<RoleNode> {
    for (const node of from.children.values()) {
      yield node;
      yield* this.nodes(node);
    }
  }
}
