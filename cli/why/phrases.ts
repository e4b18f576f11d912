import type { AgentName, Amounts, FrameworkName, HeldBy, Outstanding } from '../../master/why/answer.ts';
import { renderAge } from '../format/table.ts';

const known = ['cpus', 'mem', 'disk', 'gpus'];
const inMegabytes = new Set(['mem', 'disk']);

/** `2 cpus, 4096 MB mem, 2048 MB disk`; `nothing` where there is none. */
export function amounts(of: Amounts): string {
  const names = [...known.filter((name) => name in of), ...Object.keys(of).filter((name) => !known.includes(name))];
  if (names.length === 0) return 'nothing';
  return names.map((name) => `${of[name]} ${inMegabytes.has(name) ? 'MB ' : ''}${name}`).join(', ');
}

/** `12 s ago`; both in seconds since the epoch. */
export function ago(since: number, now: number): string {
  return `${renderAge(now - since)} ago`;
}

/** `in 4 s`, rounded up: what is said to be over then is over. */
export function until(when: number, now: number): string {
  return when <= now ? 'now' : `in ${renderAge(Math.ceil(when - now))}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/** `1 offer`, `2 offers`. */
export function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function framework({ framework_id, framework: name }: FrameworkName): string {
  return name === framework_id ? name : `${name} (${framework_id})`;
}

export function agent({ agent_id, hostname }: AgentName): string {
  return hostname === agent_id ? hostname : `${hostname} (${agent_id})`;
}

/** `task t1 of web holds 3 cpus`. */
export function holder(held: HeldBy): string {
  const what =
    held.kind === 'OFFER'
      ? `an offer to ${held.framework}`
      : `${held.kind.toLowerCase()} ${held.id} of ${held.framework}`;
  return `${what} holds ${amounts(held.amounts)}`;
}

/** `3 offers since 40 s`, or nothing. */
export function sitsOn({ offers, since }: Outstanding, now: number): string {
  return since === undefined ? '' : `${number(offers, 'offer')} since ${renderAge(now - since)}`;
}
