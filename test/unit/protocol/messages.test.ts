import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { typeScriptOf } from '../../../protocol/generate/typescript.ts';
import { schema } from '../../../protocol/schema.ts';

test('messages.ts is what `npm run generate` makes of the schema table', () => {
  const written = readFileSync(new URL('../../../protocol/messages.ts', import.meta.url), 'utf8');
  assert.equal(written, typeScriptOf(schema));
});
