import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** mesita's own version. */
export const mesitaVersion: string = manifest.version;

/** The version of the Mesos API that is implemented: clients compare it, so it has numeric parts alone. */
export const mesosVersion = '1.11.0';
