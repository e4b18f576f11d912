import { writeFileSync } from 'node:fs';
import { schema } from '../schema.ts';
import { typeScriptOf } from './typescript.ts';

writeFileSync(new URL('../messages.ts', import.meta.url), typeScriptOf(schema));
