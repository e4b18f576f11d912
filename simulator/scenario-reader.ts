import { sortings } from '../master/allocator/sorting.ts';
import { parseAttributes, parseResources } from '../protocol/resource-text.ts';
import { normalize } from '../protocol/resources.ts';
import {
  type AgentGroup,
  behaviours,
  type Fault,
  type FrameworkGroup,
  faultKinds,
  type MasterScenario,
  type RoleScenario,
  type Scenario,
  type TaskStream,
} from './scenario.ts';
import { byName, choice, fields, list, number, optional, parsed, type Reading, text, truth } from './shape.ts';
import { parseSeconds, parseSpan, type Span } from './spans.ts';

const seconds = parsed((given) => {
  const value = parseSeconds(given);
  return value === undefined ? { error: "expected a time such as '90s', '15m', '2h' or '1d'" } : { value };
});

const span = parsed(parseSpan);

const resources = parsed((given) => {
  const read = parseResources(given, '*');
  return 'error' in read ? read : { value: normalize(read.value) };
});

const count = number({ from: 1, to: 1_000_000, whole: true });
const nothing = undefined;
const instant: Span = { kind: 'fixed', seconds: 0.2 };

const master = fields<MasterScenario>({
  allocationInterval: optional(seconds, 1),
  agentPingTimeout: optional(seconds, 75),
  offerTimeout: optional(seconds, nothing),
  roleSorter: optional(choice(sortings), 'drf'),
  frameworkSorter: optional(choice(sortings), 'drf'),
});

const role = fields<RoleScenario>({
  weight: optional(number({ from: 0.001 }), nothing),
  guarantee: optional(resources, []),
  limit: optional(resources, []),
});

const agents = fields<AgentGroup>({
  name: optional(text, 'agents'),
  count: optional(count, 1),
  resources,
  attributes: optional(parsed(parseAttributes), []),
  from: optional(seconds, 0),
});

const tasks = fields<TaskStream>({
  resources,
  duration: span,
  count: optional(count, nothing),
  every: optional(span, nothing),
  from: optional(seconds, 0),
});

const frameworks = fields<FrameworkGroup>({
  name: text,
  count: optional(count, 1),
  role: optional(text, '*'),
  behaviour: optional(choice(behaviours), 'polite'),
  from: optional(seconds, 0),
  apart: optional(seconds, 0),
  until: optional(seconds, nothing),
  priority: optional(number({ from: -1_000_000 }), nothing),
  wants: optional(text, nothing),
  refuse: optional(seconds, nothing),
  hold: optional(seconds, nothing),
  perOffer: optional(count, nothing),
  partitionAware: optional(truth, true),
  tasks: optional(list(tasks), []),
});

const faults = fields<Fault>({
  kind: choice(faultKinds),
  at: seconds,
  every: optional(span, nothing),
  count: optional(count, 1),
  among: optional(text, nothing),
  lasts: optional(span, nothing),
});

const scenario = fields<Scenario>({
  name: text,
  about: optional(text, ''),
  until: seconds,
  sample: optional(seconds, nothing),
  master: optional(master, {
    allocationInterval: 1,
    agentPingTimeout: 75,
    offerTimeout: nothing,
    roleSorter: 'drf',
    frameworkSorter: 'drf',
  }),
  latency: optional(seconds, 0.001),
  launch: optional(span, instant),
  roles: optional(byName(role), {}),
  agents: list(agents),
  frameworks: list(frameworks),
  faults: optional(list(faults), []),
});

/** A scenario from its JSON, or what is wrong with it and where: `frameworks[1].tasks[0].duration: …`. */
export function readScenario(json: unknown): Reading<Scenario> {
  const read = scenario(json, '');
  if ('error' in read) return read;
  const error = contradiction(read.value);
  return error === undefined ? read : { error };
}

function contradiction({ until, agents, frameworks, faults }: Scenario): string | undefined {
  if (until <= 0) return 'until: the scenario ends before it begins';
  for (const [index, framework] of frameworks.entries()) {
    if (framework.behaviour === 'picky' && framework.wants === undefined) {
      return `frameworks[${index}].wants: a picky framework needs the attribute that it wants, such as 'rack:a'`;
    }
  }
  for (const [index, { kind, among }] of faults.entries()) {
    const groups = kind.startsWith('scheduler') ? frameworks : agents;
    if (among !== undefined && !groups.some(({ name }) => name === among)) {
      const names = [...new Set(groups.map(({ name }) => name))].join(', ');
      return `faults[${index}].among: there is no group '${among}'; there are ${names}`;
    }
  }
  return undefined;
}
