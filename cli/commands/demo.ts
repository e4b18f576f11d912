import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { type Chunk, type CountedChunk, countWords } from '../../frameworks/word-count/word-count.ts';
import { describeError, MesitaError } from '../../protocol/errors.ts';
import type { MasterClient } from '../../scheduler/index.ts';
import { ensureDemoText } from '../demo-text.ts';
import { renderTable } from '../format/table.ts';
import { masterOption, withClient } from '../master-option.ts';
import { clusterPlace, defaultCluster, startCluster } from '../setup/cluster.ts';
import { interruptible } from '../setup/interruption.ts';
import { prepareMachine } from '../setup/machine.ts';
import { cutText } from '../text-chunks.ts';
import { machineOptions } from './setup.ts';

interface DemoOptions {
  master: string;
  image: string;
  compose?: boolean;
  agents: string;
}

const leastChunk = 4 * 2 ** 20;
const mostChunks = 64;

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('count the words of a text in many Docker tasks, each with its own limits')
    .argument('[file]', 'the text; by default some 50 MB that are fetched once')
    .option('--compose', 'bring up a cluster by docker compose first, with all that it needs')
    .option('--agents <n>', 'agents of that cluster', '3')
    .option('--image <image>', 'image of the tasks', 'mesita/task:latest')
    .addOption(masterOption())
    .action((file: string | undefined, options: DemoOptions) => interruptible((signal) => demo(file, options, signal)));
}

async function demo(file: string | undefined, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const tools = machineOptions(signal);
  let { master } = options;
  if (options.compose === true) {
    const machine = await prepareMachine(tools);
    const place = clusterPlace(defaultCluster, tools.checkout, tools.environment);
    const cluster = await startCluster(machine, { ...tools, ...place, agents: Number(options.agents), port: 5050 });
    master = cluster.master;
  }
  const text = file === undefined ? await ensureDemoText({ ...tools, directory: tools.checkout }) : resolve(file);
  await withClient(master, (client) => count(client, text, { ...options, master }, tools.checkout, signal));
  process.stdout.write(`
Look around:  ./mesita nodes · ./mesita ps -a · ./mesita run mesita/task -- echo hello
The master:   http://${master}/state
When done:    ./mesita down\n`);
}

async function count(
  client: MasterClient,
  text: string,
  options: DemoOptions,
  checkout: string,
  signal: AbortSignal,
): Promise<void> {
  const { size } = await stat(text).catch((cause: unknown) => {
    throw new MesitaError('MESITA_NOT_FOUND', {
      message: `${text} cannot be read: ${describeError(cause)}`,
      remedy: 'Name a text file that exists.',
      cause,
    });
  });
  const ranges = await cutText(text, Math.max(leastChunk, Math.ceil(size / mostChunks)));
  const uploaded: string[] = [];
  const began = Date.now();
  try {
    const script = await client.upload(join(checkout, 'split_and_count.sh'));
    uploaded.push(script);
    const chunks: Chunk[] = [];
    for (const [index, range] of ranges.entries()) {
      signal.throwIfAborted();
      const name = `chunk-${String(index + 1).padStart(3, '0')}`;
      const uri = await client.upload(text, { name, ...range });
      uploaded.push(uri);
      chunks.push({ name, uri });
    }
    process.stderr.write(`${basename(text)}: ${(size / 1e6).toFixed(1)} MB in ${chunks.length} chunks\n`);
    const counted: CountedChunk[] = [];
    const onCounted = (chunk: CountedChunk) => {
      counted.push(chunk);
      process.stderr.write(
        `  ${chunk.name}: ${chunk.words} words on ${chunk.agent} (${counted.length} of ${chunks.length})\n`,
      );
    };
    const { master, image } = options;
    const total = await countWords({ master, image, chunks, script, locale: locale(), signal, onCounted });
    printResult(counted, total, (Date.now() - began) / 1000);
    await compare(text, total, signal);
  } finally {
    for (const uri of uploaded) await client.remove(uri).catch(() => undefined);
  }
}

/** What a word is depends on the locale; task images know these two. */
function locale(): string {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '') ? 'C.UTF-8' : 'C';
}

function printResult(counted: CountedChunk[], total: number, seconds: number): void {
  const rows = counted
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ name, agent, seconds: took, words, peakMemory }) => [
      name,
      agent,
      took.toFixed(2),
      String(words),
      `${peakMemory.toFixed(1)} MB`,
    ]);
  const headings = ['CHUNK', 'AGENT', 'SECONDS', 'WORDS', 'PEAK MEMORY'];
  process.stdout.write(`\n${renderTable(headings, rows, ['SECONDS', 'WORDS', 'PEAK MEMORY'])}\n`);
  process.stdout.write(`${total} words in ${counted.length} tasks, ${seconds.toFixed(1)} s\n`);
}

/** The same count by this machine's own `wc -w`. Throws when they differ. */
async function compare(text: string, total: number, signal: AbortSignal): Promise<void> {
  const { stdout } = await promisify(execFile)('wc', ['-w', text], { signal });
  const expected = Number(stdout.trim().split(/\s/)[0]);
  if (expected !== total) {
    throw new MesitaError('MESITA_INTERNAL', { message: `The tasks counted ${total} words, wc -w counts ${expected}` });
  }
  process.stdout.write(`wc -w counts the same: ${expected}\n`);
}
