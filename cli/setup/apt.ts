import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandResult, Progress, RunCommand } from '../../images/ports.ts';
import { MesitaError } from '../../protocol/errors.ts';

/** Somebody else's apt (an automatic update, say) is waited for this long: seconds. */
const lockPatience = 600;

const quietly = {
  DEBIAN_FRONTEND: 'noninteractive',
  NEEDRESTART_SUSPEND: '1',
  // The lock's message is looked for in English.
  LC_ALL: 'C.UTF-8',
};

export interface AptTools {
  run: RunCommand;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Installs packages of the distribution, as root. `choose` picks them once the lists are fresh: it is given what says
 * whether a package exists. An installation that has begun is not cut short, since dpkg would have to be repaired;
 * one that was cut short by other means is finished first. Throws MESITA_ENGINE_UNREACHABLE when apt fails.
 */
export async function installPackages(
  tools: AptTools,
  what: string,
  choose: (exists: (name: string) => Promise<boolean>) => Promise<string[]>,
): Promise<void> {
  const { run, progress, signal } = tools;
  await progress.during(`Installing ${what}`, async (detail) => {
    detail('finishing what an earlier installation left');
    await run('dpkg', ['--configure', '-a'], { env: quietly, signal, finishOnAbort: true });
    // A source that is out of reach is no harm as long as another one has the packages.
    await aptGet(tools, ['update'], detail);
    const packages = await choose((name) => exists(run, name, signal));
    const installed = await aptGet(tools, ['install', '--yes', '--no-install-recommends', ...packages], detail);
    if (installed.code === 0) return;
    const complaints = installed.stderr.split('\n').filter((line) => line.startsWith('E:'));
    throw new MesitaError('MESITA_ENGINE_UNREACHABLE', {
      message: `apt-get could not install ${packages.join(', ')}: ${complaints.slice(0, 3).join(' ') || installed.stderr.trim()}`,
      remedy: `Run \`apt-get update && apt-get install ${packages.join(' ')}\` by hand and see what it lacks.`,
    });
  });
}

async function aptGet(tools: AptTools, args: string[], detail: (text: string) => void): Promise<CommandResult> {
  const options = ['--quiet', '-o', `DPkg::Lock::Timeout=${lockPatience}`, '-o', 'Dpkg::Options::=--force-confold'];
  const deadline = performance.now() + lockPatience * 1000;
  for (;;) {
    const result = await tools.run('apt-get', [...options, ...args], {
      env: quietly,
      signal: tools.signal,
      finishOnAbort: true,
      onLine: detail,
    });
    // DPkg::Lock::Timeout does not cover the lists' own lock.
    const locked = result.code !== 0 && /Could not get lock|Unable to lock/.test(result.stderr);
    if (!locked || performance.now() > deadline) return result;
    detail('waiting for another apt to end');
    await sleep(1000, undefined, { signal: tools.signal });
  }
}

/** Whether apt could install a package of that name. */
async function exists(run: RunCommand, name: string, signal: AbortSignal): Promise<boolean> {
  const policy = await run('apt-cache', ['policy', name], { env: quietly, signal });
  return /^\s*Candidate: (?!\(none\))/m.test(policy.stdout);
}
