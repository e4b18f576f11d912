import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type AgentFacts,
  compileConstraints,
  isExcluded,
  noConstraints,
} from '../../../../master/allocator/offer-constraints.ts';
import type {
  SchedulerAttributeConstraint,
  SchedulerAttributeConstraintPredicate,
  SchedulerAttributeConstraintSelector,
} from '../../../../protocol/messages.ts';
import { factsOf } from '../../../support/master-messages.ts';

const domain = { fault_domain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } };
const facts: AgentFacts = { ...factsOf('rack:r1;level:3;rack:r2', 'h1'), domain };

/** Constraints of role `a`: a list of groups. */
function compiled(...groups: SchedulerAttributeConstraint[][]) {
  const given = {
    role_constraints: { a: { groups: groups.map((attribute_constraints) => ({ attribute_constraints })) } },
  };
  return compileConstraints(given);
}

function takes(...groups: SchedulerAttributeConstraint[][]): boolean {
  const constraints = compiled(...groups);
  if ('error' in constraints) throw new Error(constraints.error);
  return !isExcluded(constraints.value, 'a', facts);
}

const holds = (selector: SchedulerAttributeConstraintSelector, predicate: SchedulerAttributeConstraintPredicate) =>
  takes([{ selector, predicate }]);

const predicates: Record<string, SchedulerAttributeConstraintPredicate> = {
  exists: { exists: {} },
  not_exists: { not_exists: {} },
  text_equals: { text_equals: { value: 'r1' } },
  text_not_equals: { text_not_equals: { value: 'r1' } },
  text_matches: { text_matches: { regex: 'r[0-9]' } },
  text_not_matches: { text_not_matches: { regex: 'r[0-9]' } },
};

function truthsOf(name: string): string[] {
  return Object.entries(predicates).flatMap(([predicate, value]) =>
    holds({ attribute_name: name }, value) ? [predicate] : [],
  );
}

describe('a predicate', () => {
  test('looks at the text of the first attribute of its name', () => {
    assert.deepEqual(truthsOf('rack'), ['exists', 'text_equals', 'text_matches']);
  });

  test('on texts is true of an attribute that is none', () => {
    assert.deepEqual(truthsOf('level'), [
      'exists',
      'text_equals',
      'text_not_equals',
      'text_matches',
      'text_not_matches',
    ]);
  });

  test('that denies something is true of an attribute that is missing', () => {
    assert.deepEqual(truthsOf('gone'), ['not_exists', 'text_not_equals', 'text_not_matches']);
  });

  test('matches the whole text', () => {
    assert.equal(holds({ attribute_name: 'rack' }, { text_matches: { regex: 'r' } }), false);
    assert.equal(holds({ attribute_name: 'rack' }, { text_matches: { regex: 'x|r.' } }), true);
  });

  test('takes no longer for expressions that make others backtrack', () => {
    const constraints = compiled([
      { selector: { attribute_name: 'rack' }, predicate: { text_matches: { regex: '(a*)*(a*)*b' } } },
    ]);
    if ('error' in constraints) throw new Error(constraints.error);
    assert.ok(isExcluded(constraints.value, 'a', factsOf(`rack:${'a'.repeat(5000)}`)));
  });
});

test('host name, region and zone can be selected like attributes', () => {
  assert.ok(holds({ pseudoattribute_type: 'HOSTNAME' }, { text_equals: { value: 'h1' } }));
  assert.ok(holds({ pseudoattribute_type: 'REGION' }, { text_equals: { value: 'eu' } }));
  assert.ok(holds({ pseudoattribute_type: 'ZONE' }, { text_equals: { value: 'eu-1' } }));
});

test('all constraints of one of the groups have to hold', () => {
  const on = (name: string, predicate: SchedulerAttributeConstraintPredicate) => ({
    selector: { attribute_name: name },
    predicate,
  });
  assert.equal(takes([on('rack', { exists: {} }), on('gone', { exists: {} })]), false);
  assert.equal(takes([on('gone', { exists: {} })], [on('rack', { exists: {} }), on('level', { exists: {} })]), true);
});

test('roles without constraints are not constrained', () => {
  assert.equal(isExcluded(noConstraints, 'a', facts), false);
  const constraints = compiled([{ selector: { attribute_name: 'gone' }, predicate: { exists: {} } }]);
  assert.ok('value' in constraints && !isExcluded(constraints.value, 'b', facts));
});

describe('constraints that cannot be applied are refused in the words of Mesos', () => {
  const invalid = "A role a has an invalid 'AttributeConstraint': ";
  const regex = (pattern: string): SchedulerAttributeConstraint => ({
    selector: { attribute_name: 'x' },
    predicate: { text_matches: { regex: pattern } },
  });

  test('malformed expressions', () => {
    assert.deepEqual(compiled([regex('(')]), {
      error: `${invalid}Failed to construct regex from pattern '(': missing ): (`,
    });
  });

  test('expressions that are too large', () => {
    for (const pattern of ['a'.repeat(5000), '[a-z]{90}{2}', '(abc){60}']) {
      const refused = compiled([regex(pattern)]);
      assert.ok('error' in refused && refused.error.length < 5000, pattern.slice(0, 20));
    }
  });

  test('a selector that selects nothing, or two things', () => {
    const error = `${invalid}Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set`;
    assert.deepEqual(compiled([{ selector: {}, predicate: { exists: {} } }]), { error });
    const both = { attribute_name: 'x', pseudoattribute_type: 'HOSTNAME' } as const;
    assert.deepEqual(compiled([{ selector: both, predicate: { exists: {} } }]), { error });
  });

  test('no predicate, no constraint in a group, no group', () => {
    assert.deepEqual(compiled([{ selector: { attribute_name: 'x' }, predicate: {} }]), {
      error: `${invalid}Unknown predicate type`,
    });
    assert.deepEqual(compiled([]), {
      error: "'OfferConstraints::RoleConstraints::groups' for role acontains an empty RoleConstraints::Group",
    });
    assert.deepEqual(compiled(), {
      error: "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role a",
    });
  });
});
