import type { Document } from '../protocol/v0-documents.ts';
import { double } from '../protocol/v0-json.ts';
import { mesitaVersion, mesosVersion } from './version.ts';

/** What `/version` and the head of `/state` say. There is no build: it began to be when the daemon did. */
export function versionDocument(startedAt: number): Document {
  const { version, build_date, build_time, build_user } = versionInfo(startedAt);
  return { build_date, build_time: double(build_time), build_user, version, mesita_version: mesitaVersion };
}

/** GET_VERSION's VersionInfo. `startedAt`: milliseconds since the epoch. */
export function versionInfo(startedAt: number): {
  version: string;
  build_date: string;
  build_time: number;
  build_user: string;
} {
  return {
    version: mesosVersion,
    build_date: `${new Date(startedAt).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    build_time: startedAt / 1000,
    build_user: 'mesita',
  };
}
