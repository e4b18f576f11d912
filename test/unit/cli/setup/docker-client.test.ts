import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findDocker } from '../../../../cli/setup/docker-client.ts';
import type { RunCommand } from '../../../../images/ports.ts';

const server = JSON.stringify({ Version: '20.10.24', ApiVersion: '1.41', Arch: 'amd64' });
const never = new AbortController().signal;

describe('the docker command that is used', () => {
  let folder: string;
  let docker: string;
  const calls: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mesita-test-'));
    docker = join(folder, 'docker');
    writeFileSync(docker, '');
    calls.length = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A machine on which only our own docker command answers, as told. */
  function machine(
    answer: (env: Readonly<Record<string, string | undefined>>) => string | { error: string },
  ): RunCommand {
    return async (file, _args, options) => {
      calls.push(file);
      const said = file === docker ? answer(options?.env ?? {}) : { error: 'Cannot connect to the Docker daemon' };
      const failed = typeof said !== 'string';
      return { code: failed ? 1 : 0, stdout: failed ? '' : said, stderr: failed ? said.error : '', timedOut: false };
    };
  }

  it('is the first one that an engine answers', async () => {
    const search = await findDocker(
      machine(() => server),
      { PATH: folder },
      never,
    );
    assert.ok('found' in search);
    assert.deepEqual([search.found.engineVersion, search.found.architecture], ['20.10.24', 'amd64']);
    assert.deepEqual(calls, [docker]);
  });

  it('is told the engine’s API version where it is too new for the engine', async () => {
    const tooNew = 'Error response from daemon: client version 1.52 is too new. Maximum supported API version is 1.41';
    const run = machine((env) => (env.DOCKER_API_VERSION === '1.41' ? server : { error: tooNew }));
    const search = await findDocker(run, { PATH: folder }, never);
    assert.ok('found' in search);
    await search.found.run(['ps']);
    assert.equal(calls.length, 3);
  });

  it('is told where it is too old', async () => {
    const tooOld = 'client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client';
    const run = machine((env) => (env.DOCKER_API_VERSION === '1.44' ? server : { error: tooOld }));
    assert.ok('found' in (await findDocker(run, { PATH: folder }, never)));
  });

  it('says that the engine refuses this user', async () => {
    const refusal = 'permission denied while trying to connect to the Docker daemon socket';
    const folders = { PATH: folder };
    const search = await findDocker(
      async () => ({ code: 1, stdout: '', stderr: refusal, timedOut: false }),
      folders,
      never,
    );
    assert.ok('refused' in search && search.refused);
  });

  it('does not take the null of a client without an engine for an engine', async () => {
    const search = await findDocker(
      machine(() => 'null'),
      { PATH: folder },
      never,
    );
    assert.ok(!('found' in search));
  });
});
