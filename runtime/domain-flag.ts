import { decodeJson } from '../protocol/json-codec.ts';
import type { DomainInfo } from '../protocol/messages.ts';

/** The value of `--domain`: JSON such as `{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"eu-1"}}}`; its text is kept. */
export function domain(value: string): { value: string } | { error: string } {
  const parsed = parseDomain(value);
  return 'error' in parsed ? parsed : { value };
}

export function parseDomain(text: string): { value: DomainInfo } | { error: string } {
  const decoded = decodeJson('DomainInfo', text);
  return decoded.ok ? { value: decoded.value } : { error: decoded.error };
}
