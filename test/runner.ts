import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { runCommand } from '../cli/setup/command.ts';
import { prepareMachine } from '../cli/setup/machine.ts';
import { createProgress } from '../cli/setup/progress.ts';

/**
 * Runs what `npm test` runs: types, lint, and the tests, room by room; then looks whether anything was left behind.
 * Tests get a temporary directory of their own (TMPDIR), which must be empty in the end.
 */

/** The rooms of test/, in the order they run. `engine`: they need a Docker engine and the images. */
const rooms = [
  { name: 'unit', engine: false, concurrency: 2 },
  { name: 'conformance', engine: false, concurrency: 1 },
  { name: 'interop', engine: true, concurrency: 2 },
  { name: 'contract', engine: true, concurrency: 2 },
  { name: 'integration', engine: true, concurrency: 3 },
  { name: 'e2e', engine: true, concurrency: 2 },
  { name: 'chaos', engine: true, concurrency: 1 },
];

/** Milliseconds for the whole run, which takes less than 25 minutes where nothing else does. */
const patience = 30 * 60_000;

const checkout = resolve(import.meta.dirname, '..');
const asked = process.argv.slice(2).map((path) => relative(checkout, resolve(path)));
const progress = createProgress(process.stderr);
const failures: string[] = [];
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(new Error(signal)));
const overtime = setTimeout(
  () => stop.abort(new Error(`the tests take more than ${patience / 60_000} minutes`)),
  patience,
);

const temporary = mkdtempSync(join(tmpdir(), 'mesita-tests-'));
const reports = mkdtempSync(join(tmpdir(), 'mesita-reports-'));
try {
  await runAll();
} catch (error) {
  failures.push(error instanceof Error ? error.message : String(error));
} finally {
  clearTimeout(overtime);
  rmSync(temporary, { recursive: true, force: true });
}
if (failures.length > 0)
  for (const room of readdirSync(reports)) progress.say(readFileSync(join(reports, room), 'utf8'));
rmSync(reports, { recursive: true, force: true });
for (const failure of failures) progress.say(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function runAll(): Promise<void> {
  if (asked.length === 0) {
    await check('types', ['node_modules/typescript/bin/tsc', '--noEmit']);
    await check('lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']);
  }
  const chosen = rooms.map((room) => ({ ...room, files: filesOf(room.name) })).filter(({ files }) => files.length > 0);
  const needsEngine = chosen.some((room) => room.engine);
  if (needsEngine)
    await prepareMachine({ checkout, progress, run: runCommand, environment: process.env, signal: stop.signal });
  const before = needsEngine ? await taskContainers() : [];
  for (const room of chosen) {
    progress.say(`\n== ${room.name}: ${room.files.length} files`);
    const failed = join(reports, room.name);
    await check(`${room.name} tests`, [
      ...(room.name === 'unit' ? ['--import', './test/fixed-seed.ts'] : []),
      '--test',
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...['--test-reporter=./test/failure-reporter.ts', `--test-reporter-destination=${failed}`],
      `--test-concurrency=${room.concurrency}`,
      ...room.files,
    ]);
  }
  for (const name of readdirSync(temporary)) failures.push(`a test left ${name} in its temporary directory`);
  const after = needsEngine ? await taskContainers() : [];
  for (const name of after.filter((container) => !before.includes(container))) {
    failures.push(`a test left the container ${name}`);
  }
}

/** Runs Node with our terminal; a failure is noted, and the rest goes on. */
async function check(name: string, args: string[]): Promise<void> {
  stop.signal.throwIfAborted();
  // Hundreds of processes begin with the same modules.
  const cache = process.env.NODE_COMPILE_CACHE ?? join(checkout, '.mesita', 'compile-cache');
  const env = { ...process.env, TMPDIR: temporary, MESITA_MAIN: undefined, NODE_COMPILE_CACHE: cache };
  const child = spawn(process.execPath, args, { cwd: checkout, stdio: 'inherit', env });
  const end = () => child.kill('SIGTERM');
  stop.signal.addEventListener('abort', end);
  const code = await new Promise((done) => child.once('close', done));
  stop.signal.removeEventListener('abort', end);
  stop.signal.throwIfAborted();
  if (code !== 0) failures.push(name);
}

/** The room's test files: all of them, or those that were asked for by path. */
function filesOf(room: string): string[] {
  const all = walk(join('test', room)).filter((file) => file.endsWith('.test.ts'));
  if (asked.length === 0) return all;
  return all.filter((file) => asked.some((path) => file === path || file.startsWith(`${path}/`)));
}

function walk(folder: string): string[] {
  if (!existsSync(join(checkout, folder))) return [];
  return readdirSync(join(checkout, folder))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(join(checkout, path)).isDirectory() ? walk(path) : [path];
    });
}

/** Containers that agents made, except those of agents that work elsewhere: another cluster may run on this machine. */
async function taskContainers(): Promise<string[]> {
  const format = '{{.Names}}\t{{.Label "org.mesita.work_dir"}}';
  const listed = await runCommand('docker', ['ps', '-a', '--filter', 'label=org.mesita.agent', '--format', format]);
  return listed.stdout.split('\n').flatMap((line) => {
    const [name = '', workDirectory = ''] = line.split('\t');
    return name !== '' && (workDirectory === '' || workDirectory.startsWith(temporary)) ? [name] : [];
  });
}
