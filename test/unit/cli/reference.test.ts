import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorsPage, flagsPage } from '../../../cli/reference.ts';

const page = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

test('docs/flags.md lists the flags that the daemons take', () => {
  assert.equal(page('flags.md'), flagsPage(), 'run `npm run generate`');
});

test('docs/errors.md lists the error codes that there are', () => {
  assert.equal(page('errors.md'), errorsPage(), 'run `npm run generate`');
});
