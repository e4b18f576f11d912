import { realpath } from 'node:fs/promises';
import {
  type FileResult,
  isWithin,
  type Locate,
  type Located,
  missingFile,
  refusedFile,
} from '../runtime/shown-files.ts';

/**
 * The sandboxes under an agent's directory, by their real path or as `/frameworks/<framework>/executors/<executor>/runs/latest`.
 * Source: Mesos' files endpoints.
 *
 * INVARIANT: nothing outside of a sandbox is shown, through whatever links a task may have put into it.
 *
 * @param root The directory `…/slaves/<agent>`, which is known once the agent is registered.
 */
export function sandboxesUnder(root: () => string): Locate {
  return async (asked): Promise<FileResult<Located>> => {
    const parts = sandboxOf(asked, root());
    if (parts === undefined) return missingFile;
    const [sandbox, path, within] = await Promise.all(
      [parts.sandbox, parts.sandbox + parts.rest, root()].map((name) => realpath(name).catch(() => undefined)),
    );
    if (sandbox === undefined || path === undefined || within === undefined) return missingFile;
    if (!isWithin(within, sandbox) || !isWithin(sandbox, path)) return refusedFile(`'${asked}' is inaccessible.`);
    return { value: { path, within } };
  };
}

/** The sandbox that a path names, and what comes after it. */
function sandboxOf(asked: string, root: string): { sandbox: string; rest: string } | undefined {
  if (asked.includes('\0')) return undefined;
  const real = asked.startsWith(`${root}/`);
  const below = real ? asked.slice(root.length) : asked;
  const [, sandbox = '', run = '', rest = ''] =
    /^(\/frameworks\/[^/]+\/executors\/[^/]+\/runs\/([^/]+))(\/.*)?$/s.exec(below) ?? [];
  if (sandbox === '' || /\/\.{1,2}(\/|$)/.test(sandbox) || !(real || run === 'latest')) return undefined;
  return { sandbox: root + sandbox, rest };
}
