import { RE2JS, RE2JSSyntaxException } from 're2js';
import type {
  Attribute,
  DomainInfo,
  SchedulerAttributeConstraint,
  SchedulerAttributeConstraintPredicate,
  SchedulerAttributeConstraintSelector,
  SchedulerOfferConstraints,
  SchedulerOfferConstraintsRoleConstraints,
} from '../../protocol/messages.ts';

/** What constraints look at. */
export interface AgentFacts {
  readonly hostname: string;
  readonly attributes: readonly Attribute[];
  readonly domain: DomainInfo | undefined;
}

type Test = (agent: AgentFacts) => boolean;

/** By role: an agent is offered when all tests of one of the groups hold. A role that is not here is not constrained. */
export type OfferConstraints = ReadonlyMap<string, readonly (readonly Test[])[]>;

export const noConstraints: OfferConstraints = new Map();

export function isExcluded(constraints: OfferConstraints, role: string, agent: AgentFacts): boolean {
  const groups = constraints.get(role);
  return groups !== undefined && !groups.some((tests) => tests.every((test) => test(agent)));
}

type Compiled<T> = { value: T } | { error: string };

/** Constraints in the form in which they are applied, or what is wrong with them, in Mesos' words. */
export function compileConstraints(given: SchedulerOfferConstraints | undefined): Compiled<OfferConstraints> {
  const compiled = new Map<string, Test[][]>();
  for (const [role, constraints] of Object.entries(given?.role_constraints ?? {})) {
    const groups = compileRole(role, constraints);
    if ('error' in groups) return groups;
    compiled.set(role, groups.value);
  }
  return { value: compiled };
}

function compileRole(role: string, constraints: SchedulerOfferConstraintsRoleConstraints): Compiled<Test[][]> {
  const groups = constraints.groups ?? [];
  if (groups.length === 0) {
    return { error: `'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role ${role}` };
  }
  const compiled: Test[][] = [];
  for (const { attribute_constraints = [] } of groups) {
    if (attribute_constraints.length === 0) {
      // Without a blank, as Mesos has it.
      const error = `'OfferConstraints::RoleConstraints::groups' for role ${role}contains an empty RoleConstraints::Group`;
      return { error };
    }
    const tests: Test[] = [];
    for (const constraint of attribute_constraints) {
      const test = compileConstraint(constraint);
      if ('error' in test) return { error: `A role ${role} has an invalid 'AttributeConstraint': ${test.error}` };
      tests.push(test.value);
    }
    compiled.push(tests);
  }
  return { value: compiled };
}

function compileConstraint({ selector, predicate }: SchedulerAttributeConstraint): Compiled<Test> {
  const read = compileSelector(selector);
  if ('error' in read) return read;
  const holds = compilePredicate(predicate);
  if ('error' in holds) return holds;
  return { value: (agent) => holds.value(read.value(agent)) };
}

/** The first attribute of a name; hosts and domains count as attributes with a text. */
type Selector = (agent: AgentFacts) => Pick<Attribute, 'type' | 'text'> | undefined;

function compileSelector(selector: SchedulerAttributeConstraintSelector): Compiled<Selector> {
  const { attribute_name: name, pseudoattribute_type: pseudo } = selector;
  if ((name === undefined) === (pseudo === undefined)) {
    return {
      error:
        "Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set",
    };
  }
  if (name !== undefined) {
    return { value: ({ attributes }) => attributes.find((attribute) => attribute.name === name) };
  }
  switch (pseudo) {
    case 'HOSTNAME':
      return { value: ({ hostname }) => textAttribute(hostname) };
    case 'REGION':
      return { value: ({ domain }) => textAttribute(domain?.fault_domain?.region.name) };
    case 'ZONE':
      return { value: ({ domain }) => textAttribute(domain?.fault_domain?.zone.name) };
    default:
      return { error: 'Unknown pseudoattribute type' };
  }
}

function textAttribute(value: string | undefined): ReturnType<Selector> {
  return value === undefined ? undefined : { type: 'TEXT', text: { value } };
}

type Predicate = (attribute: ReturnType<Selector>) => boolean;

function compilePredicate(predicate: SchedulerAttributeConstraintPredicate): Compiled<Predicate> {
  const { exists, not_exists, text_equals, text_not_equals, text_matches, text_not_matches } = predicate;
  if (exists !== undefined) return { value: (attribute) => attribute !== undefined };
  if (not_exists !== undefined) return { value: (attribute) => attribute === undefined };
  if (text_equals !== undefined) return { value: onText(false, (text) => text === text_equals.value) };
  if (text_not_equals !== undefined) return { value: onText(true, (text) => text !== text_not_equals.value) };
  const pattern = text_matches ?? text_not_matches;
  if (pattern === undefined) return { error: 'Unknown predicate type' };
  const regex = compileRegex(pattern.regex);
  if ('error' in regex) return regex;
  const matches = (text: string) => regex.value.testExact(text);
  return { value: text_matches !== undefined ? onText(false, matches) : onText(true, (text) => !matches(text)) };
}

/** A predicate on texts is true of attributes that are none. */
function onText(ofMissing: boolean, holds: (text: string) => boolean): Predicate {
  return (attribute) => {
    if (attribute === undefined) return ofMissing;
    return attribute.type !== 'TEXT' || holds(attribute.text?.value ?? '');
  };
}

// Mesos' limits on what frameworks may make the master match. Matching takes linear time, whatever the expression.
const longestPattern = 4096;
const largestProgram = 100;

function compileRegex(pattern: string): Compiled<RE2JS> {
  const failed = (reason: string) => ({
    error: `Failed to construct regex from pattern '${pattern.slice(0, longestPattern)}': ${reason}`,
  });
  if (pattern.length > longestPattern) return failed('pattern too large - compile failed');
  try {
    const regex = RE2JS.compile(pattern);
    const size = regex.programSize();
    return size > largestProgram
      ? failed(`its program of ${size} instructions is larger than ${largestProgram}`)
      : { value: regex };
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    // The wording of RE2 itself.
    return failed(`${error.getDescription().replace('missing closing', 'missing')}: ${error.getPattern() ?? pattern}`);
  }
}
