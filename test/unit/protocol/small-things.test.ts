import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../../protocol/duration.ts';
import { invalidId, isStatusUuid, uuidToBase64 } from '../../../protocol/ids.ts';
import type { TaskState } from '../../../protocol/messages.ts';
import { invalidRole } from '../../../protocol/roles.ts';
import { canMove, isTerminal, partitionState } from '../../../protocol/task-state.ts';

describe('durations', () => {
  test('are a number and a unit', () => {
    const cases: [string, number | undefined][] = [
      ['5secs', 5],
      ['1.5mins', 90],
      ['100ms', 0.1],
      ['2hrs', 7_200],
      ['1weeks', 604_800],
      ['1days', 86_400],
      ['0ns', 0],
      ['5', undefined],
      ['secs', undefined],
      ['5 secs', undefined],
      ['5sec', undefined],
      ['', undefined],
      ['1e3secs', undefined],
    ];
    for (const [text, seconds] of cases) assert.equal(parseDuration(text), seconds, text);
    assert.ok(Math.abs((parseDuration('7us') ?? 0) - 7e-6) < 1e-12);
  });

  test('are printed in the largest unit that makes a whole number', () => {
    const cases: [number, string][] = [
      [90, '90secs'],
      [120, '2mins'],
      [604_800, '1weeks'],
      [0, '0ns'],
      [0.25, '250ms'],
      [3_600, '1hrs'],
      [1e-9, '1ns'],
    ];
    for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text);
  });

  test('are read as they are printed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (milliseconds) => {
        assert.ok(Math.abs((parseDuration(formatDuration(milliseconds / 1000)) ?? -1) - milliseconds / 1000) < 1e-6);
      }),
    );
  });
});

describe('task states', () => {
  const states: TaskState[] = [
    'TASK_STAGING',
    'TASK_STARTING',
    'TASK_RUNNING',
    'TASK_KILLING',
    'TASK_UNREACHABLE',
    'TASK_UNKNOWN',
    'TASK_FINISHED',
    'TASK_FAILED',
    'TASK_KILLED',
    'TASK_ERROR',
    'TASK_LOST',
    'TASK_DROPPED',
    'TASK_GONE',
    'TASK_GONE_BY_OPERATOR',
  ];

  test('six are not terminal', () =>
    assert.deepEqual(
      states.filter((state) => !isTerminal(state)),
      states.slice(0, 6),
    ));

  test('nothing follows a terminal one, and each other one can end', () => {
    for (const from of states) {
      for (const to of states) {
        if (isTerminal(from)) assert.ok(!canMove(from, to));
        else if (isTerminal(to)) assert.ok(canMove(from, to), `${from} → ${to}`);
      }
    }
  });

  test('a task does not go back to STAGING while its agent is there', () => {
    for (const from of ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'] as const)
      assert.ok(!canMove(from, 'TASK_STAGING'));
    assert.ok(canMove('TASK_RUNNING', 'TASK_RUNNING') && !canMove('TASK_RUNNING', 'TASK_STARTING'));
  });

  test('frameworks that know nothing of partitions hear TASK_LOST', () => {
    const framework = { user: 'root', name: 'f' };
    assert.equal(partitionState(framework, 'TASK_GONE'), 'TASK_LOST');
    assert.equal(
      partitionState({ ...framework, capabilities: [{ type: 'PARTITION_AWARE' }] }, 'TASK_GONE'),
      'TASK_GONE',
    );
  });
});

describe('ids', () => {
  test('may hold nearly anything, in 255 bytes', () => {
    for (const id of ['a', 'a b', '...', 'ä'.repeat(127), 'x'.repeat(255)]) assert.equal(invalidId(id), undefined, id);
    for (const id of ['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'a\u007f', 'x'.repeat(256), 'ä'.repeat(128)])
      assert.ok(invalidId(id), id);
  });

  test('of updates are 16 bytes that make a UUID', () => {
    assert.ok(isStatusUuid('EjRWeJq8TeaAZcMAAAAAAQ=='));
    assert.ok(isStatusUuid(uuidToBase64('f81d4fae-7dec-41d0-a765-00a0c91e6bf6')));
    for (const text of ['', 'AAAA', 'AAAAAAAAAAAAAAAAAAAAAA==', '/////////////////////w=='])
      assert.ok(!isStatusUuid(text), text);
  });
});

test('roles are refused in the words of a real master', () => {
  const cases: [string, string | undefined][] = [
    ['*', undefined],
    ['a/b', undefined],
    ['é', undefined],
    ['a\\b', undefined],
    ['a-b', undefined],
    ['...', undefined],
    ['', 'Role names cannot be the empty string'],
    ['/a', "Role '/a' cannot start with a slash"],
    ['a/', "Role 'a/' cannot end with a slash"],
    ['a//b', "Role 'a//b' cannot contain two adjacent slashes"],
    ['-a', "Role component '-a' is invalid because it starts with a dash"],
    ['a/-b', "Role component '-b' is invalid because it starts with a dash"],
    ['a b', "Role component 'a b' is invalid because it contains backspace or whitespace"],
    ['a\u007fb', "Role component 'a\u007fb' is invalid because it contains backspace or whitespace"],
    ['.', "Role '.' cannot include '.' as a component"],
    ['a/../b', "Role 'a/../b' cannot include '..' as a component"],
    ['a/*', "Role 'a/*' cannot include '*' as a component"],
  ];
  for (const [role, reason] of cases) assert.equal(invalidRole(role), reason, role);
});
