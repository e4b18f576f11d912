import type { Client } from './client.ts';
import type { Measure, Ranking } from './ranking.ts';
import type { RoleLeaf, RoleNode } from './role-tree.ts';

/** Some clients and the roles above them, in the order of the tree: so that nobody has to look for few among many. */
export class Selection {
  readonly #leaves = new Map<RoleLeaf, Ranking<Client>>();
  readonly #nodes = new Map<RoleNode, Ranking<RoleNode | RoleLeaf>>();

  constructor(clients: readonly Client[]) {
    for (const client of clients) if (client.ranked) this.#add(client);
  }

  of(node: RoleNode): Ranking<RoleNode | RoleLeaf> | undefined {
    return this.#nodes.get(node);
  }

  clientsOf(leaf: RoleLeaf): Ranking<Client> | undefined {
    return this.#leaves.get(leaf);
  }

  /** A client was served, and so have been its role and those above it. */
  settle(client: Client, measure: Measure): void {
    const { leaf } = client;
    this.#leaves.get(leaf)?.settle(client, measure);
    this.#nodes.get(leaf.node)?.settle(leaf, measure);
    for (let node = leaf.node; node.parent !== undefined; node = node.parent) {
      this.#nodes.get(node.parent)?.settle(node, measure);
    }
  }

  #add(client: Client): void {
    const { leaf } = client;
    let clients = this.#leaves.get(leaf);
    if (clients === undefined) {
      clients = leaf.ranking.selection();
      this.#leaves.set(leaf, clients);
      this.#addBelow(leaf.node, leaf);
    }
    clients.add(client);
  }

  #addBelow(node: RoleNode, below: RoleNode | RoleLeaf): void {
    let ranking = this.#nodes.get(node);
    if (ranking === undefined) {
      ranking = node.ranking.selection();
      this.#nodes.set(node, ranking);
      if (node.parent !== undefined) this.#addBelow(node.parent, node);
    }
    ranking.add(below);
  }
}
