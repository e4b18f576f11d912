import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { ImageRegistry } from '../support/image-registry.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const timeout = 240_000;

const password = { username: 'ann', password: 'a:b/c+d' };
const auth = Buffer.from(`${password.username}:${password.password}`).toString('base64');
const identityToken = 'an-identity-token';

const show = { command: { value: 'cat /mark' } };

describe('images of a registry', { timeout }, () => {
  let open: ImageRegistry;
  let slow: ImageRegistry;
  let locked: ImageRegistry;
  let tokens: ImageRegistry;
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    open = await ImageRegistry.open();
    slow = await ImageRegistry.open({ delay: 200 });
    locked = await ImageRegistry.open({ password });
    tokens = await ImageRegistry.open({ identityToken });
    cluster = await Cluster.empty();
    await cluster.startMaster();
    const config = join(cluster.directory, 'docker-config.json');
    await writeFile(config, JSON.stringify({ auths: { [tokens.address]: { identitytoken: identityToken } } }));
    await cluster.startAgent('agent', [`--docker_config=${config}`]);
    scheduler = await TestScheduler.start(cluster.address);
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
    for (const registry of [open, slow, locked, tokens]) await registry?.close();
  });
  afterEach(() => cluster.settled());

  const docker = (image: string, more = {}) => ({ type: 'DOCKER' as const, docker: { image, ...more } });

  it('are pulled once for many tasks, with progress', async () => {
    const image = await slow.add('team/many:1', 'many', 3_000_000);
    const names = ['many-1', 'many-2', 'many-3', 'many-4', 'many-5'];
    for (const name of names) await scheduler.launch({ name, container: docker(image), ...show });
    for (const name of names) await scheduler.update(name, 'TASK_FINISHED');
    assert.equal(slow.served('team/many'), 1);
    const blobs = slow.hits.filter((hit) => hit.startsWith('GET /v2/team/many/blobs/'));
    assert.equal(new Set(blobs).size, blobs.length, 'a layer was pulled twice');
    const said = scheduler.updates.filter(({ message }) =>
      /^Pulling .*team\/many:1: \d of \d layers, /.test(message ?? ''),
    );
    assert.ok(said.length > 0, 'no progress was told');
  });

  it('that are there already are pulled again only where a task forces it', async () => {
    const image = await open.add('again:1', 'first');
    await scheduler.launch({ name: 'first', container: docker(image), ...show });
    await scheduler.update('first', 'TASK_FINISHED');
    await open.add('again:1', 'second');
    await scheduler.launch({ name: 'same', container: docker(image), command: { value: 'test $(cat /mark) = first' } });
    await scheduler.update('same', 'TASK_FINISHED');
    const forced = docker(image, { force_pull_image: true });
    await scheduler.launch({ name: 'forced', container: forced, command: { value: 'test $(cat /mark) = second' } });
    await scheduler.update('forced', 'TASK_FINISHED');
    assert.equal(open.served('again'), 2);
  });

  it('that want a login fail without one, with a word on what to do', async () => {
    const image = await locked.add('private:1', 'private');
    await scheduler.launch({ name: 'stranger', container: docker(image), ...show });
    const { message, reason } = await scheduler.update('stranger', 'TASK_FAILED');
    assert.equal(reason, 'REASON_CONTAINER_LAUNCH_FAILED');
    assert.match(message ?? '', /private:1 .*cannot be pulled: .*--docker_config/s);
  });

  it('are pulled with the login that a task fetches into its sandbox', async () => {
    const image = await locked.add('private:2', 'private');
    const home = join(cluster.directory, 'login.json');
    await writeFile(home, JSON.stringify({ auths: { [`http://${locked.address}/v2/`]: { auth } } }));
    const uris = [{ value: `file://${home}`, output_file: '.docker/config.json' }];
    await scheduler.launch({ name: 'ann', container: docker(image), command: { value: 'cat /mark', uris } });
    await scheduler.update('ann', 'TASK_FINISHED');
    const old = join(cluster.directory, '.dockercfg');
    const other = await locked.add('private:3', 'private');
    await writeFile(old, JSON.stringify({ [locked.address]: { ...password, email: 'ann@example.com' } }));
    const cfg = [{ value: `file://${old}` }];
    await scheduler.launch({ name: 'old', container: docker(other), command: { value: 'cat /mark', uris: cfg } });
    await scheduler.update('old', 'TASK_FINISHED');
  });

  it('say so when the login in the sandbox makes no sense, and do not show it', async () => {
    const image = await locked.add('private:4', 'private');
    const home = join(cluster.directory, 'nonsense.json');
    await writeFile(home, JSON.stringify({ auths: { [locked.address]: { auth: 'c2VjcmV0' } } }));
    const uris = [{ value: `file://${home}`, output_file: '.docker/config.json' }];
    await scheduler.launch({ name: 'nonsense', container: docker(image), command: { value: 'true', uris } });
    const { message } = await scheduler.update('nonsense', 'TASK_FAILED');
    assert.match(message ?? '', /config\.json in the sandbox cannot be used, .* has an auth that is not the base64/);
    assert.doesNotMatch(message ?? '', /c2VjcmV0|secret/);
  });

  it('are pulled with the login that an image of a MESOS container names', async () => {
    const image = await locked.add('private:5', 'private');
    const data = Buffer.from(JSON.stringify({ auths: { [locked.address]: { auth } } })).toString('base64');
    const config = { type: 'VALUE' as const, value: { data } };
    const container = {
      type: 'MESOS' as const,
      mesos: { image: { type: 'DOCKER' as const, docker: { name: image, config } } },
    };
    await scheduler.launch({ name: 'unified', container, ...show });
    await scheduler.update('unified', 'TASK_FINISHED');
  });

  it("are pulled with the agent's identity token, which nobody is shown", async () => {
    const image = await tokens.add('token:1', 'token');
    await scheduler.launch({ name: 'token', container: docker(image), ...show });
    await scheduler.update('token', 'TASK_FINISHED');
    const { process } = cluster.agent;
    const flags = await cluster.get(`/mesita/v1/agents/${cluster.agent.id}/flags`);
    for (const text of [process.stdout, process.stderr, await flags.text()]) assert.ok(!text.includes(identityToken));
  });
});
