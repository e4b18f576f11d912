import type { Server } from './connection.ts';

/** Where a cluster's masters meet: `zk://[user:password@]host:port,…/path`. */
export interface ZooKeeperUrl {
  servers: readonly Server[];
  /** `user:password` */
  credentials: string | undefined;
  /** Without a slash at its end. */
  path: string;
}

const scheme = 'zk://';
const usualPort = 2181;

export function isZooKeeperUrl(text: string): boolean {
  return text.startsWith(scheme);
}

export function parseZooKeeperUrl(text: string): { value: ZooKeeperUrl } | { error: string } {
  const [, credentials, hosts, path] = /^zk:\/\/(?:(.*)@)?([^/@]*)(\/.*)?$/.exec(text) ?? [];
  if (hosts === undefined) return { error: 'expected zk://[user:password@]host:port,host:port/path' };
  if (credentials !== undefined && !/^[^:]+:/.test(credentials))
    return { error: 'expected user:password before the @' };
  const trimmed = (path ?? '').replace(/\/+$/, '');
  if (trimmed === '') return { error: 'expected a path behind the servers, e.g. zk://host:2181/mesos' };
  if (/\/(\/|\.{1,2}(\/|$))/.test(`${trimmed}/`)) return { error: `'${trimmed}' is no path of ZooKeeper` };
  const servers: Server[] = [];
  for (const entry of hosts.split(',')) {
    const [, bracketed, plain, port = String(usualPort)] =
      /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(entry.trim()) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined || Number(port) < 1 || Number(port) > 65535)
      return { error: `'${entry}' is not the host:port of a ZooKeeper server` };
    servers.push({ host, port: Number(port) });
  }
  return { value: { servers, credentials, path: trimmed } };
}

/** As it may be shown: without the password. */
export function shownZooKeeperUrl(text: string): string {
  return text.replace(/^(zk:\/\/[^:/]*):.*@/, '$1:…@');
}
