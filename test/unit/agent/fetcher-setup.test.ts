import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setUpFetcher } from '../../../agent/fetcher-setup.ts';
import { agentFlags } from '../../../agent/flags.ts';
import { flagTexts, parseFlags } from '../../../runtime/flags.ts';
import { silentLog } from '../../../runtime/log.ts';
import { Shutdown } from '../../../runtime/shutdown.ts';

describe('the fetcher of an agent', () => {
  let base: string;
  let shutdown: Shutdown;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'mesita-fetcher-setup-'));
    shutdown = new Shutdown(silentLog);
    await mkdir(join(base, 'sandbox'));
    await writeFile(join(base, 'file'), 'content');
  });
  afterEach(async () => {
    await shutdown.stop();
    await rm(base, { recursive: true, force: true });
  });

  const setUp = (...args: string[]) =>
    setUpFetcher(parseFlags(agentFlags, ['--master=127.0.0.1:1', ...args], {}), join(base, 'work'), shutdown);

  const fetchCached = async (...args: string[]) => {
    const fetcher = await setUp(...args);
    const target = { sandbox: join(base, 'sandbox') };
    const { signal } = new AbortController();
    await fetcher.fetch([{ value: join(base, 'file'), cache: true }], target, { signal });
    return fetcher;
  };

  it('keeps its cache in the work directory, of the size that it is given, until it stops', async () => {
    const fetcher = await fetchCached('--fetcher_cache_size=1MB');
    assert.deepEqual({ total: fetcher.cache.totalBytes, used: fetcher.cache.usedBytes }, { total: 2 ** 20, used: 7 });
    assert.deepEqual(await readdir(join(base, 'work', 'fetch')), ['c1-file']);
    await shutdown.stop();
    assert.deepEqual(await readdir(join(base, 'work')), []);
  });

  it('takes a directory of its own where it is given one, and leaves what else is there', async () => {
    await mkdir(join(base, 'cache'));
    await writeFile(join(base, 'cache', 'precious'), 'of somebody else');
    await fetchCached(`--fetcher_cache_dir=${join(base, 'cache')}`);
    const [own = '', ...others] = (await readdir(join(base, 'cache'))).sort();
    assert.match(own, /^mesita-[0-9a-f]{12}$/);
    assert.deepEqual(others, ['precious']);
    await shutdown.stop();
    assert.deepEqual(await readdir(join(base, 'cache')), ['precious']);
    assert.equal(existsSync(join(base, 'work')), false);
  });

  it('refuses credentials that it cannot read, and tells nothing of them', async () => {
    const path = join(base, 'credentials');
    const invalid = (reason: RegExp) => (error: Error) => {
      assert.equal('code' in error && error.code, 'MESITA_FLAG_INVALID');
      assert.match(error.message, reason);
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /t0psecret/);
      return true;
    };
    await assert.rejects(setUp(`--fetcher_credentials=${path}`), invalid(/--fetcher_credentials=.*ENOENT/));
    await writeFile(path, '{"h": "t0psecret"}');
    await assert.rejects(setUp(`--fetcher_credentials=${path}`), invalid(/the entry of h is neither/));
    await assert.rejects(async () => setUp(`--fetcher_credentials=file://${path}`), invalid(/absolute path/));
    await assert.rejects(async () => setUp('--fetcher_credentials=credentials'), invalid(/absolute path/));
  });

  it('shows where the credentials are, not what they are', async () => {
    const path = join(base, 'credentials');
    await writeFile(path, '{"h": {"token": "t0psecret"}}');
    await setUp(`--fetcher_credentials=${path}`);
    const flags = parseFlags(agentFlags, ['--master=127.0.0.1:1', `--fetcher_credentials=${path}`], {});
    const shown = flagTexts(agentFlags, flags);
    assert.equal(shown.fetcher_credentials, path);
    assert.equal(shown.fetcher_cache_size, '2GB');
  });
});
