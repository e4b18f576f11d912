import type { ContainerInfo, NetworkInfo, NetworkInfoPortMapping, Resource } from '../protocol/messages.ts';
import { inRanges, rangesOf } from '../protocol/resources.ts';
import type { Network, PortMapping } from './engine/engine.ts';

/** What a task and an executor say alike of the network that they want. */
export interface NetworkWanted {
  container?: ContainerInfo | undefined;
  resources?: Resource[] | undefined;
}

/** The network that is asked for, or why there can be none, in Mesos' words where it has some. */
export function networkOf(info: NetworkWanted): Network | { error: string } {
  const { container } = info;
  const docker = container?.docker;
  if (docker === undefined) return namedNetwork(info);
  const mode = docker.network ?? 'HOST';
  const mappings = docker.port_mappings ?? [];
  const hostname = container?.hostname;
  if (mode === 'HOST' || mode === 'NONE') {
    if (mappings.length > 0) return { error: 'Port mappings are only supported for bridge and user-defined networks' };
    if (mode === 'HOST' && hostname !== undefined) return { error: 'Unable to set hostname with host network mode' };
    return { mode: mode === 'HOST' ? 'host' : 'none' };
  }
  const ports = portsOf(mappings, info.resources ?? []);
  if ('error' in ports) return ports;
  const named = hostname === undefined ? {} : { hostname };
  if (mode === 'BRIDGE') return { mode: 'bridge', ports, ...named };
  const names = (container?.network_infos ?? []).flatMap((network) => network.name ?? []);
  const [name] = names;
  if (name === undefined || names.length > 1)
    return { error: 'Expecting exactly one network_infos with a name for a user-defined network' };
  return { mode: 'user', name, ports, ...named };
}

/** Whether a container of type MESOS asks for a network by name; without one it has the network of its parent, or the host's. */
export function namesNetwork(container: ContainerInfo | undefined): boolean {
  return container?.docker === undefined && networkNamed(container) !== undefined;
}

function networkNamed(container: ContainerInfo | undefined): NetworkInfo | undefined {
  return (container?.network_infos ?? []).find(({ name }) => name !== undefined);
}

/** Networks of containers of type MESOS have names: `bridge` and `host` are the engine's, others are networks of its users. */
function namedNetwork({ container, resources = [] }: NetworkWanted): Network | { error: string } {
  const wanted = networkNamed(container);
  const name = wanted?.name;
  if (name === undefined || name === 'host') return { mode: 'host' };
  const ports = portsOf(wanted?.port_mappings ?? [], resources);
  if ('error' in ports) return ports;
  const named = container?.hostname === undefined ? {} : { hostname: container.hostname };
  return name === 'bridge' ? { mode: 'bridge', ports, ...named } : { mode: 'user', name, ports, ...named };
}

type MappingWanted = Pick<NetworkInfoPortMapping, 'host_port' | 'container_port' | 'protocol'>;

function portsOf(mappings: readonly MappingWanted[], resources: Resource[]): PortMapping[] | { error: string } {
  if (mappings.length === 0) return [];
  const offered = rangesOf(resources, 'ports');
  if (offered.length === 0) return { error: 'Port mappings require port resources' };
  const ports: PortMapping[] = [];
  for (const { host_port, container_port, protocol = 'tcp' } of mappings) {
    if (!inRanges(offered, host_port)) return { error: `Port [${host_port}] not included in resources` };
    const lower = protocol.toLowerCase();
    if (lower !== 'tcp' && lower !== 'udp' && lower !== 'sctp')
      return { error: `Unknown protocol '${protocol}' in a port mapping` };
    ports.push({ hostPort: host_port, containerPort: container_port, protocol: lower });
  }
  return ports;
}
