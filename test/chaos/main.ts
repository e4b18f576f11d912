import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeError } from '../../protocol/errors.ts';
import { ensureTestImage } from '../support/test-image.ts';
import { type ChaosOptions, commandOf, parseOptions, usage } from './options.ts';
import { prepare, unshared } from './prerequisites.ts';
import { type Outcome, type RunOptions, runChaos } from './run.ts';
import { runSimulated } from './simulated.ts';

/**
 * `npm run chaos`: see docs/chaos.md. The first process makes a process, mount and network namespace, in which the second one builds the world and
 * lets it suffer: so nothing of it outlives the run, not even when that is killed.
 */
const inside = '--inside';
const say = (line: string) => void process.stdout.write(`${line}\n`);

const args = process.argv.slice(2);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort(new Error(`interrupted by ${signal}`)));
}
if (args[0] === inside) await runInside(args[1] ?? '');
else if (args.includes('--help')) say(usage);
else if (args.includes('--simulated')) process.exitCode = runSimulated(args, say);
else process.exitCode = await runOutside(parseOptions(args, () => randomBytes(4).toString('hex')));

async function runOutside(options: ChaosOptions): Promise<number> {
  const found = await prepare(options, say);
  if ('missing' in found) {
    say(`Nothing was run: ${found.missing}.`);
    return 2;
  }
  const directory = mkdtempSync(join(tmpdir(), 'mesita-chaos-'));
  const cgroup = `/${directory.split('/').at(-1)}`;
  let outcome: Outcome | undefined;
  try {
    const imageFile = join(directory, 'image.tar');
    if (options.dockerAgents > 0)
      await promisify(execFile)('docker', ['save', '-o', imageFile, await ensureTestImage()]);
    const room: Omit<RunOptions, 'say'> = { options, directory, imageFile, cgroup, clockLibrary: found.clockLibrary };
    writeFileSync(join(directory, 'run.json'), JSON.stringify(room));
    say(`${commandOf(options)}\nin ${directory}`);
    outcome = await spawnInside(directory);
  } finally {
    removeCgroups(cgroup);
    const isWell = outcome !== undefined && outcome.violations.length === 0;
    if (!options.keep && (isWell || stopping.signal.aborted)) rmSync(directory, { recursive: true, force: true });
    else say(`All logs are in ${directory}`);
  }
  if (outcome === undefined) return 1;
  report(options, outcome);
  return outcome.violations.length === 0 ? 0 : 1;
}

/** Undefined when it came to no end of its own. */
async function spawnInside(directory: string): Promise<Outcome | undefined> {
  // A shell as the first process, since that collects what others leave.
  const command = [process.execPath, import.meta.filename, inside, directory].map((word) => `'${word}'`).join(' ');
  const words = [...unshared, 'sh', '-c', `${command}; exit $?`];
  // When we are killed, so is it, and with it all that it has made.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...words], { stdio: 'inherit', detached: true });
  const abort = () => interrupt(child);
  stopping.signal.addEventListener('abort', abort);
  if (stopping.signal.aborted) abort();
  await new Promise((over) => child.once('close', over));
  stopping.signal.removeEventListener('abort', abort);
  const file = join(directory, 'outcome.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Outcome) : undefined;
}

/** All of them; the last resort after a while. */
function interrupt(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  const patience = 15_000;
  process.kill(-pid, 'SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), patience).unref();
}

async function runInside(directory: string): Promise<void> {
  const room = JSON.parse(readFileSync(join(directory, 'run.json'), 'utf8')) as Omit<RunOptions, 'say'>;
  try {
    const outcome = await runChaos({ ...room, say }, stopping.signal);
    writeFileSync(join(directory, 'outcome.json'), JSON.stringify(outcome, undefined, 1));
  } catch (error) {
    const isOurs = error instanceof Error && !stopping.signal.aborted;
    say(isOurs ? (error.stack ?? error.message) : describeError(error));
    process.exitCode = 1;
  }
  // Nothing that is still open matters: all daemons have ended.
  process.exit();
}

function report(options: ChaosOptions, { violations, faults, tasks, ends }: Outcome): void {
  const counts = Object.entries(ends).map(([state, count]) => `${count} ${state}`);
  say(`${faults} faults, ${tasks} tasks: ${counts.join(', ')}`);
  for (const { kind, what, why } of violations) say(`VIOLATION ${kind}: ${what}: ${why}`);
  say(violations.length === 0 ? 'No violation.' : `${violations.length} violations. Again: ${commandOf(options)}`);
}

/** The engine's, which stay when it is killed. They are empty by now. */
function removeCgroups(name: string): void {
  const root = '/sys/fs/cgroup';
  if (!existsSync(root)) return;
  for (const controller of ['', ...readdirSync(root)]) removeGroup(join(root, controller, name));
}

function removeGroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // Another controller's link to the same, or not there any more.
  }
}
