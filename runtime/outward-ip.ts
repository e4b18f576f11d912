import { networkInterfaces } from 'node:os';

/** The address of this machine under which others are likely to reach it. */
export function outwardIp(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}
