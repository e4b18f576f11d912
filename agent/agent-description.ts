import { hostname as machineName } from 'node:os';
import { MesitaError } from '../protocol/errors.ts';
import type { AgentInfo } from '../protocol/messages.ts';
import { parseAttributes, parseResources } from '../protocol/resource-text.ts';
import { normalize } from '../protocol/resources.ts';
import { parseDomain } from '../runtime/domain-flag.ts';
import { isLoopback } from '../runtime/http-server.ts';
import { outwardIp } from '../runtime/outward-ip.ts';
import type { EngineFacts } from './engine/engine.ts';
import { fingerprint } from './fingerprint/host.ts';
import type { AgentFlags } from './flags.ts';

/** What the agent offers and says of its host: what the flags tell, and what it finds out. */
export async function describeAgent(
  flags: AgentFlags,
  workDirectory: string,
  engine: EngineFacts,
  id: string | undefined,
): Promise<AgentInfo> {
  const given = checkedValue(parseResources(flags.resources ?? '', flags.default_role), 'resources');
  const own = checkedValue(parseAttributes(flags.attributes ?? ''), 'attributes');
  const facts = await fingerprint({ workDirectory, engine }, new Set(given.map(({ name }) => name)));
  const named = new Set(own.map(({ name }) => name));
  const detected = facts.resources.map((resource) => ({ ...resource, role: flags.default_role }));
  return {
    hostname: flags.hostname ?? (isLoopback(flags.ip) ? 'localhost' : machineName()),
    resources: normalize([...given, ...detected]),
    attributes: [...own, ...facts.attributes.filter(({ name }) => !named.has(name))],
    ...(id === undefined ? {} : { id: { value: id } }),
    ...(flags.domain === undefined ? {} : { domain: checkedValue(parseDomain(flags.domain), 'domain') }),
  };
}

/** The flag table has checked the text already. */
function checkedValue<T>(parsed: { value: T } | { error: string }, flag: string): T {
  if ('error' in parsed) throw new MesitaError('MESITA_FLAG_INVALID', { message: `--${flag}: ${parsed.error}` });
  return parsed.value;
}

/** Where others reach the agent; the port is known once it listens. */
export function addressOf(flags: AgentFlags): { hostname: string; ip: string; port: number } {
  const ip = flags.advertise_ip ?? (flags.ip === '0.0.0.0' ? outwardIp() : flags.ip);
  return { hostname: flags.hostname ?? (isLoopback(ip) ? 'localhost' : machineName()), ip, port: flags.port };
}
