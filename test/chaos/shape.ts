/** What a world is made of; names are those of its hosts, each of which has the daemon of the same name. */
export interface Shape {
  masters: readonly string[];
  /** None: one master with a registry of its own. */
  zookeepers: readonly string[];
  agents: readonly AgentShape[];
  /** The host of the Docker engine that agents share; undefined without one. */
  engine: string | undefined;
  scheduler: string;
}

export interface AgentShape {
  name: string;
  containerizer: 'docker' | 'process';
}

/** What every agent offers: cores, MB. */
export const agentResources = { cpus: 8, mem: 8192, disk: 4096 };

export interface ShapeOptions {
  masters: 1 | 3;
  dockerAgents: number;
  processAgents: number;
}

export function shapeOf({ masters, dockerAgents, processAgents }: ShapeOptions): Shape {
  const agents = Array.from({ length: dockerAgents + processAgents }, (_, index): AgentShape => {
    return { name: `a${index + 1}`, containerizer: index < dockerAgents ? 'docker' : 'process' };
  });
  return {
    masters: numbered('m', masters),
    zookeepers: masters === 1 ? [] : numbered('z', 3),
    agents,
    engine: dockerAgents > 0 ? 'e1' : undefined,
    scheduler: 's1',
  };
}

/** Every host, in an order that gives addresses; the last is the one that the run itself looks from. */
export function hostsOf({ masters, zookeepers, agents, engine, scheduler }: Shape): string[] {
  const names = agents.map(({ name }) => name);
  return [...masters, ...zookeepers, ...names, ...(engine === undefined ? [] : [engine]), scheduler, observer];
}

export const observer = 'h1';

export function addressOf(shape: Shape, host: string): string {
  const index = hostsOf(shape).indexOf(host);
  if (index === -1) throw new Error(`there is no host ${host}`);
  return `10.77.0.${index + 1}`;
}

function numbered(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
}
