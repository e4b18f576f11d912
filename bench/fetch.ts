// Claims: an artifact that many tasks share costs ≤ 1.05 × one bare download (`curl -o`), beside the copies that give each of
// them a file of its own (`cp`); fetch and extraction of a 500 MB tar.gz ≤ 1.2 × `curl | tar xz`. The server is a process of
// its own, at the pace of a 1 Gbit/s link and then at that of the loop-back.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createFetcher } from '../runtime/fetcher/fetcher.ts';
import { ratio, spread } from './statistics.ts';

const run = promisify(execFile);
const rounds = Number(process.env.MESITA_BENCH_ROUNDS ?? 5);
const archiveMegabytes = Number(process.env.MESITA_BENCH_ARCHIVE_MB ?? 500);
const artifactMegabytes = 128;
const sharers = 20;
const gigabit = 125_000_000;
const megabyte = 2 ** 20;

const base = await mkdtemp(join(tmpdir(), 'mesita-bench-fetch-'));
const fetcher = createFetcher({
  directory: join(base, 'fetch'),
  cacheBytes: 2 ** 31,
  stallTimeoutSeconds: 60,
  resumePauseSeconds: 0.5,
  maxBytes: 2 ** 40,
  maxEntries: 1_000_000,
  maxExtractedBytes: 2 ** 40,
});

class FileServer {
  readonly requests: string[] = [];
  readonly #process: ChildProcess;
  #origin = '';

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(file: string, bytesPerSecond?: number): Promise<FileServer> {
    const script = resolve(import.meta.dirname, 'file-server.ts');
    const args = bytesPerSecond === undefined ? [script, file] : [script, file, `${bytesPerSecond}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const server = new FileServer(child);
    await new Promise<void>((started) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (server.#origin !== '') return void server.requests.push(line);
        server.#origin = `http://127.0.0.1:${line}`;
        started();
      });
    });
    return server;
  }

  url(path: string): string {
    return `${this.#origin}${path}`;
  }

  stop(): void {
    this.#process.kill();
  }
}

/** Seconds; then everything that was written is on the disk and away again, so that nobody pays for another's writes. */
async function timed(work: (directory: string) => Promise<unknown>): Promise<number> {
  const directory = await mkdtemp(join(base, 'run-'));
  const began = performance.now();
  await work(directory);
  const seconds = (performance.now() - began) / 1000;
  await rm(directory, { recursive: true });
  await run('sync');
  return seconds;
}

const fetchInto = async (sandbox: string, value: string): Promise<void> => {
  await mkdir(sandbox, { recursive: true });
  await fetcher.fetch([{ value }], { sandbox }, { signal: new AbortController().signal });
};

/** Half noise, half words: it packs as programs do, to about two fifths. */
async function writeTree(directory: string, megabytes: number): Promise<void> {
  const words = Buffer.alloc(64 * 1024);
  for (let i = 0; i < words.length; i += 8) words.write(`word${(i * 7919) % 4096} `.padEnd(8), i);
  const filesOf = 8;
  for (let i = 0; i < megabytes / filesOf; i += 1) {
    const content = Buffer.alloc(filesOf * megabyte);
    for (let at = 0; at < content.length; at += 4096) {
      if (at % 8192 === 0) randomFillSync(content, at, 3072);
      words.copy(content, at % 8192 === 0 ? at + 3072 : at, (at * 13) % 32768, ((at * 13) % 32768) + 4096);
    }
    await writeFile(join(directory, `file-${i}`), content);
    // As many small ones as a real bundle has.
    for (let j = 0; j < 24; j += 1)
      await writeFile(join(directory, `file-${i}-${j}`), content.subarray(j * 4096, j * 8192));
  }
}

/** What it takes at least where each sandbox has a file of its own. */
function downloadAndCopy(directory: string, url: string): Promise<number> {
  const copies = Array.from({ length: sharers - 1 }, (_, i) => `${i + 1}`).join(' ');
  return childCpuSeconds(`cd "${directory}"; curl -s -o 0 "${url}"; echo ${copies} | xargs -n 1 -P 4 cp 0`);
}

async function measureSharing(): Promise<void> {
  const artifact = join(base, 'artifact');
  await writeFile(artifact, randomFillSync(Buffer.alloc(artifactMegabytes * megabyte)));
  for (const [where, rate] of [
    ['1 Gbit/s', gigabit],
    ['loop-back', undefined],
  ] as const) {
    const server = await FileServer.start(artifact, rate);
    const results: Record<'bare' | 'one' | 'copies' | 'all', number[]> = { bare: [], one: [], copies: [], all: [] };
    const [copiesCpu, allCpu]: [number[], number[]] = [[], []];
    for (let round = 0; round <= rounds; round += 1) {
      const bare = await timed((directory) => run('curl', ['-s', '-o', join(directory, 'x'), server.url('/x')]));
      const one = await timed((directory) => fetchInto(directory, server.url(`/one-${round}`)));
      const copies = await timed(async (directory) => {
        copiesCpu[round] = await downloadAndCopy(directory, server.url('/x'));
      });
      const all = await timed(async (directory) => {
        const names = Array.from({ length: sharers }, (_, i) => `${i}`);
        allCpu[round] = await ownCpuSeconds(() =>
          Promise.all(names.map((name) => fetchInto(join(directory, name), server.url(`/all-${round}`)))),
        );
      });
      // One round warms up and does not count.
      if (round > 0)
        for (const [name, value] of Object.entries({ bare, one, copies, all })) results[name as 'bare'].push(value);
    }
    const shared = server.requests.filter((request) => request.includes('/all-')).length / (rounds + 1);
    server.stop();
    console.log(`${artifactMegabytes} MB over ${where}: curl ${spread(results.bare, 2)} s`);
    console.log(`  one task        ${spread(results.one, 2)} s, ratio ${ratio(results.one, results.bare)}`);
    console.log(
      `  ${sharers} tasks at once ${spread(results.all, 2)} s with ${shared} download(s), ratio ${ratio(results.all, results.bare)}`,
    );
    console.log(`    of which CPU  ${spread(allCpu.slice(1), 2)} s`);
    console.log(`  curl and cp     ${spread(results.copies, 2)} s, ratio ${ratio(results.all, results.copies)}`);
    console.log(
      `    of which CPU  ${spread(copiesCpu.slice(1), 2)} s, ratio ${ratio(allCpu.slice(1), copiesCpu.slice(1))}`,
    );
  }
  await rm(artifact);
}

async function measureExtraction(): Promise<void> {
  const [tree, archive] = [join(base, 'tree'), join(base, 'bundle.tar.gz')];
  await mkdir(tree);
  await writeTree(tree, archiveMegabytes * 2.4);
  await run('sh', ['-c', `tar cf - -C "${tree}" . | gzip -1 > "${archive}"`]);
  await rm(tree, { recursive: true });
  const size = (await stat(archive)).size / megabyte;
  const server = await FileServer.start(archive);
  const [bare, own]: [number[], number[]] = [[], []];
  const [bareCpu, ownCpu]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    let theirCpu = 0;
    const theirs = await timed(async (directory) => {
      theirCpu = await childCpuSeconds(`curl -s "${server.url('/x')}" | tar xz -C "${directory}"`);
    });
    let ourCpu = 0;
    const ours = await timed(async (directory) => {
      ourCpu = await ownCpuSeconds(() => fetchInto(directory, server.url(`/${round}/bundle.tar.gz`)));
    });
    if (round === 0) continue;
    bare.push(theirs);
    own.push(ours);
    bareCpu.push(theirCpu);
    ownCpu.push(ourCpu);
  }
  server.stop();
  console.log(`${size.toFixed(0)} MB tar.gz: curl | tar xz ${spread(bare)} s, of which CPU ${spread(bareCpu)} s`);
  console.log(`  fetched and extracted ${spread(own)} s, ratio ${ratio(own, bare)}`);
  console.log(`    of which CPU ${spread(ownCpu)} s, ratio ${ratio(ownCpu, bareCpu)}`);
}

/** Of all processes of the command: what a crowded machine cannot distort. */
async function childCpuSeconds(command: string): Promise<number> {
  const { stdout } = await run('sh', ['-c', `${command}; times`]);
  const spent = (stdout.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g);
  return [...spent].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

async function ownCpuSeconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const parts = process.argv.slice(2);
try {
  if (parts.length === 0 || parts.includes('sharing')) await measureSharing();
  if (parts.length === 0 || parts.includes('extraction')) await measureExtraction();
} finally {
  await fetcher.close();
  await rm(base, { recursive: true, force: true });
}
