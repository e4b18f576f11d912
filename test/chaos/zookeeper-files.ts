import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian's package `zookeeper` has its program. */
export const zookeeperProgram = '/usr/share/java/zookeeper.jar';

/** Writes what a node of an ensemble is configured by, and returns its command. `addresses`: of all nodes, by number from 1. */
export function zookeeperCommand(directory: string, number: number, addresses: readonly string[]): string[] {
  const data = join(directory, 'data');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'myid'), `${number}\n`);
  const lines = [
    'tickTime=500',
    'initLimit=20',
    'syncLimit=6',
    `dataDir=${data}`,
    'clientPort=2181',
    'admin.enableServer=false',
    'maxClientCnxns=0',
    ...addresses.map((address, index) => `server.${index + 1}=${address}:2888:3888`),
  ];
  const file = join(directory, 'zoo.cfg');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const small = ['-Xmx96m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  return ['java', ...small, '-cp', zookeeperProgram, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file];
}
