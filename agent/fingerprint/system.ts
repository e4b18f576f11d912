import si from 'systeminformation';
import type { Attribute } from '../../protocol/messages.ts';
import type { HostContext } from './fact.ts';

/** Attributes: what the host is. Characters that separate attributes are left out of the values. */
export async function system(_context: HostContext): Promise<Attribute[]> {
  const [os, processor, machine] = await Promise.all([si.osInfo(), si.cpu(), si.system()]);
  const facts: Record<string, string> = {
    os: [os.distro, os.release].filter((part) => part !== '').join(' '),
    arch: os.arch,
    kernel: os.kernel,
    cpu_model: [processor.manufacturer, processor.brand].filter((part) => part !== '').join(' '),
    virtual: String(machine.virtual),
  };
  return Object.entries(facts).flatMap(([name, value]) =>
    value === '' ? [] : [{ name, type: 'TEXT' as const, text: { value: value.replaceAll(/[;:]/g, ' ') } }],
  );
}
