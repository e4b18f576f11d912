import { resolve } from 'node:path';
import { writeExecutorBundle } from './executor-bundle.ts';

/** `npm run bundle-executor [FILE]` */
const file = resolve(process.argv[2] ?? 'mesita-executor.tar.gz');
await writeExecutorBundle(resolve(import.meta.dirname, '..'), file);
process.stdout.write(`${file}\n`);
