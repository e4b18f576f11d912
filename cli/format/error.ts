import { styleText } from 'node:util';
import type { MesitaError } from '../../protocol/errors.ts';

/** Says on stderr what went wrong, why, and what to do next. */
export function reportError(error: MesitaError): void {
  const mark = styleText('red', 'error:', { stream: process.stderr });
  process.stderr.write(`${mark} ${error.message} (${error.code})\n`);
  if (!error.message.includes(error.remedy)) process.stderr.write(`       ${error.remedy}\n`);
}
