import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { cutText } from '../../cli/text-chunks.ts';
import { type CountedChunk, countWords } from '../../frameworks/word-count/word-count.ts';
import { MasterClient } from '../../scheduler/index.ts';
import { Cluster } from '../support/cluster.ts';

// Milliseconds for all of it: nothing may hang.
const timeout = 240_000;
const script = resolve(import.meta.dirname, '../../split_and_count.sh');
const image = 'mesita/task:latest';

describe('the word count', { timeout }, () => {
  let cluster: Cluster;
  let texts: string;

  before(async () => {
    // Little enough room that both agents must help.
    const resources = '--resources=cpus:0.5;mem:1024;disk:1000;ports:[]';
    cluster = await Cluster.start([
      [resources, '--hostname=first'],
      [resources, '--hostname=second'],
    ]);
    texts = join(cluster.directory, 'texts');
    await mkdir(texts);
  });
  after(() => cluster?.close());
  afterEach(() => cluster.settled());

  async function text(name: string, content: string): Promise<string> {
    const path = join(texts, name);
    await writeFile(path, content);
    return path;
  }

  /** What this machine's own wc says. */
  async function wc(path: string, locale: string): Promise<number> {
    const { stdout } = await promisify(execFile)('wc', ['-w', path], { env: { ...process.env, LC_ALL: locale } });
    return Number.parseInt(stdout, 10);
  }

  async function count(path: string, size: number, locale = 'C'): Promise<{ total: number; counted: CountedChunk[] }> {
    const client = new MasterClient(cluster.address);
    const uploaded: string[] = [];
    const upload = async (file: string, options = {}) => {
      const uri = await client.upload(file, options);
      uploaded.push(uri);
      return uri;
    };
    const counted: CountedChunk[] = [];
    try {
      const ranges = await cutText(path, size);
      const names = ranges.map((_, index) => `chunk-${index}`);
      const chunks = await Promise.all(
        ranges.map(async (range, index) => {
          const name = names[index] ?? '';
          return { name, uri: await upload(path, { name, ...range }) };
        }),
      );
      const total = await countWords({
        master: cluster.address,
        image,
        chunks,
        script: await upload(script),
        locale,
        signal: AbortSignal.timeout(timeout),
        onCounted: (chunk) => counted.push(chunk),
      });
      return { total, counted };
    } finally {
      for (const uri of uploaded) await client.remove(uri);
      await client.close();
    }
  }

  it('of 3 MB in many tasks on two agents is that of wc -w', async () => {
    const line = (index: number) => `line ${index}:\tsome  words of a\ttext, and a${'b'.repeat(index % 40)} long one `;
    const path = await text('three', Array.from({ length: 45_000 }, (_, index) => line(index)).join('\n'));
    const { total, counted } = await count(path, 400_000);
    assert.equal(total, await wc(path, 'C'));
    assert.ok(counted.length >= 8);
    assert.deepEqual([...new Set(counted.map(({ agent }) => agent))].sort(), ['first', 'second']);
    assert.ok(counted.every(({ peakMemory, seconds }) => peakMemory > 0 && peakMemory <= 64 && seconds > 0));
  });

  it('of one word that is larger than a chunk is one', async () => {
    const path = await text('word', 'a'.repeat(300_000));
    const { total, counted } = await count(path, 100_000);
    assert.deepEqual([total, counted.length], [1, 1]);
  });

  it('of an empty file is none', async () => {
    const { total, counted } = await count(await text('empty', ''), 100_000);
    assert.deepEqual([total, counted.length], [0, 0]);
  });

  it('of a text in UTF-8 is that of wc -w in the same locale', async () => {
    const line = 'Grüße an alle – 日本語の 文字 和　全角 и ещё немного\u00a0слов 🎉 ende\n';
    const path = await text('utf8', line.repeat(4_000));
    const { total, counted } = await count(path, 150_000, 'C.UTF-8');
    assert.equal(total, await wc(path, 'C.UTF-8'));
    assert.ok(counted.length > 1);
  });

  it('of a file by mesita demo prints a table, the total and what wc -w says', async () => {
    const path = await text('demo', 'five words in a file\n'.repeat(1000));
    const { code, stdout, stderr } = await cluster.mesita('demo', path);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /CHUNK +AGENT +SECONDS +WORDS +PEAK MEMORY\nchunk-001 +(first|second) +\d/);
    assert.match(stdout, /\n5000 words in 1 tasks?, /);
    assert.match(stdout, /wc -w counts the same: 5000\n/);
  });

  it('of an empty file by mesita demo is none too', async () => {
    const { code, stdout, stderr } = await cluster.mesita('demo', await text('nothing', ''));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\n0 words in 0 tasks, /);
  });

  it('that is interrupted leaves no task behind', async () => {
    // Others hold so much that one chunk is counted after the other: when the first is done, there is a rest to interrupt.
    const others = [
      await cluster.running('holds-all', 'sleep 1000', ['--cpus=0.5']),
      await cluster.running('holds-half', 'sleep 1000', ['--cpus=0.25']),
    ];
    const path = await text('interrupted', 'some words in a line\n'.repeat(1_600_000));
    const demo = cluster.spawn(['demo', path]);
    await demo.says(/chunk-\d+: \d+ words/);
    const { code, stdout } = await demo.end('SIGINT');
    assert.notEqual(code, 0);
    assert.doesNotMatch(stdout, /words in/);
    await cluster.settled('holds-all', 'holds-half');
    for (const other of others) await other.end('SIGINT');
  });

  it('that fails says which task, and why', async () => {
    const { code, stderr } = await cluster.mesita(
      'demo',
      '--image=mesita-test/no-such-image:1',
      await text('bad', 'a b'),
    );
    assert.equal(code, 1);
    assert.match(stderr, /chunk-001: TASK_FAILED: .*no-such-image:1/);
    assert.doesNotMatch(stderr, /a bug|MESITA_INTERNAL/i);
  });
});
