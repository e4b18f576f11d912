import { writeFileSync } from 'node:fs';
import { errorsPage, flagsPage } from './reference.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('flags.md', docs), flagsPage());
writeFileSync(new URL('errors.md', docs), errorsPage());
