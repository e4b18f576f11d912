import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const rooms = [
  'protocol',
  'runtime',
  'master',
  'agent',
  'executor',
  'scheduler',
  'frameworks',
  'simulator',
  'cli',
  'images',
] as const;
type Room = (typeof rooms)[number];

/** What each room may import besides itself. The roles never import one another. */
const allowed: Record<Room, Room[]> = {
  protocol: [],
  runtime: ['protocol'],
  master: ['protocol', 'runtime'],
  agent: ['protocol', 'runtime'],
  executor: ['protocol', 'runtime'],
  scheduler: ['protocol', 'runtime'],
  frameworks: ['protocol', 'scheduler'],
  simulator: ['protocol', 'runtime', 'master', 'agent'],
  images: ['protocol', 'runtime'],
  cli: ['protocol', 'runtime', 'master', 'agent', 'executor', 'scheduler', 'frameworks', 'simulator', 'images'],
};

/** The only files that may name an adapter or a package that a port hides. */
const keepers: Record<string, RegExp> = {
  dockerode: /^agent\/engine\/docker-/,
  systeminformation: /^agent\/fingerprint\//,
  fastify:
    /^(runtime\/(http-|call-intake|refusals|document-reply|files-route|metrics-route|process-routes)|master\/http\/|agent\/http\/)/,
  commander: /^cli\//,
  'cli-table3': /^cli\//,
};

/** Files that decide: no clock, no randomness, no timers, no I/O. */
const pure =
  /^(protocol\/(?!generate\/|schema\.ts)|runtime\/checks\/(check-plan|verdict)|master\/((commands|operations|allocator|operator|why)\/|ledger|preemption)|agent\/(commands\/|oversubscription\/(estimator|usage-estimator|qos-controller)|container-plan|status-updates|state)|simulator\/(?!main))/;

function sources(directory: string): string[] {
  // A room that nothing has moved into yet.
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name));
}

interface Import {
  from: string;
  /** A file of the project, or the name of a package. */
  to: string;
  typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern = /^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|import\('([^']+)'\)/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const target = match[2] ?? match[3] ?? '';
    const to = target.startsWith('.') ? relative(root, resolve(root, dirname(file), target)) : target;
    return { from: file, to, typeOnly: match[1] !== undefined };
  });
}

const files = rooms.flatMap(sources);
const imports = files.flatMap(importsOf);
const roomOf = (file: string): string => file.split('/')[0] ?? '';

test('rooms import only the rooms that they may', () => {
  const trespasses = imports.filter(({ from, to }) => {
    const [own, other] = [roomOf(from) as Room, roomOf(to)];
    return (rooms as readonly string[]).includes(other) && own !== other && !allowed[own].includes(other as Room);
  });
  assert.deepEqual(trespasses, []);
});

test('a package that a port hides is imported by its adapter alone', () => {
  const trespasses = imports.filter(({ from, to }) => keepers[to] !== undefined && !keepers[to].test(from));
  assert.deepEqual(trespasses, []);
});

test('concrete adapters are seen by main.ts alone', () => {
  const adapters =
    /^(agent\/engine\/(docker|process)-engine|master\/(allocator\/hierarchical-allocator|registry\/[a-z]+-registry))\.ts$/;
  const trespasses = imports.filter(({ from, to }) => adapters.test(to) && !/\/main\.ts$/.test(from));
  assert.deepEqual(trespasses, []);
});

test('imports have no cycles', () => {
  const graph = new Map(
    files.map((file) => [file, imports.filter((edge) => edge.from === file && !edge.typeOnly).map((edge) => edge.to)]),
  );
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    assert.ok(!path.includes(file), `a cycle: ${[...path, file].join(' → ')}`);
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test('files that decide take time, randomness and ids as arguments, and do no I/O', () => {
  const sourcesOfChance =
    /\b(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|randomUUID|process\.hrtime|performance\.now)\b/;
  const io = new Set(['node:fs', 'node:fs/promises', 'node:http', 'node:net', 'node:child_process', 'undici']);
  for (const file of files.filter((name) => pure.test(name))) {
    assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), sourcesOfChance, file);
    const effects = importsOf(file).filter(({ to }) => io.has(to));
    assert.deepEqual(effects, [], file);
  }
});

test('every file has a name in kebab-case', () => {
  for (const file of files) assert.match(file, /^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/);
});
