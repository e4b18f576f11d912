import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { resources } from '../../scheduler/index.ts';
import { Cluster, freePort } from '../support/cluster.ts';
import { Hopeless } from '../support/eventually.ts';
import type { MesitaProcess, Outcome } from '../support/mesita-process.ts';
import { testImage } from '../support/test-image.ts';
import { TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

describe('bad input', { timeout: patience }, () => {
  let cluster: Cluster;
  let bystander: MesitaProcess;

  before(async () => {
    cluster = await Cluster.start();
    bystander = await cluster.running('bystander');
  });
  after(async () => {
    await bystander?.end('SIGINT');
    await cluster?.close();
  });
  // Whatever a test did, the task that runs beside all of them goes on, and nothing else is left.
  afterEach(() => cluster.settled('bystander'));

  /** Runs a small good task beside the bad thing. */
  async function beside<T>(work: Promise<T>): Promise<T> {
    const [result] = await Promise.all([work, cluster.provesHealthy()]);
    return result;
  }

  function fails({ code, signal, stdout, stderr }: Outcome, expected: { code: number; says: RegExp }): void {
    assert.deepEqual({ code, signal, stdout }, { code: expected.code, signal: null, stdout: '' }, stderr);
    assert.match(stderr, expected.says);
    assert.doesNotMatch(stderr, /\n +at .*\.ts:/, 'a stack trace');
  }

  describe('of a task', () => {
    it('names an image that is neither here nor to be pulled', async () => {
      const outcome = await beside(cluster.mesita('run', 'mesita-test/no-such-image:1', '--', 'true'));
      fails(outcome, {
        code: 1,
        says: /TASK_FAILED: .*mesita-test\/no-such-image:1 is not on this machine and cannot be pulled.*Check /s,
      });
    });

    it('refuses the name of an image that cannot be one', async () => {
      fails(await beside(cluster.mesita('run', '--name=x', 'UPPER CASE', '--', 'true')), {
        code: 1,
        says: /TASK_FAILED: .*UPPER CASE/s,
      });
    });

    it('names a URI that nobody answers', async () => {
      const uri = `http://127.0.0.1:${await freePort()}/file`;
      fails(await beside(cluster.run([`--uri=${uri}`], 'true')), {
        code: 1,
        says: new RegExp(`TASK_FAILED: .*URI ${uri} cannot be fetched: .*refused the connection.*Check`, 's'),
      });
    });

    it('names a URI with a scheme that the agent has no client for', async () => {
      fails(await beside(cluster.run(['--uri=gopher://host/file'], 'true')), {
        code: 1,
        says: /TASK_FAILED: .*gopher.*Serve the file by one of/s,
      });
    });

    it('names a file of the host that is not there', async () => {
      fails(await beside(cluster.run([`--uri=file:///no/such/file`], 'true')), {
        code: 1,
        says: /TASK_FAILED: .*\/no\/such\/file/s,
      });
    });

    it('names an archive that is none', async () => {
      const file = join(cluster.directory, 'broken.tar.gz');
      await writeFile(file, 'this is no archive');
      fails(await beside(cluster.run([`--uri=${file}`], 'true')), {
        code: 1,
        says: /TASK_FAILED: .*broken\.tar\.gz cannot be extracted/s,
      });
    });

    it('refuses a memory limit below the engine’s minimum', async () => {
      fails(await beside(cluster.run(['--parameter=memory=1m'], 'true')), {
        code: 1,
        says: /TASK_FAILED: .*[Mm]inimum memory limit.*Raise the memory limit/s,
      });
    });

    it('names a command that the image does not have', async () => {
      fails(await beside(cluster.run([], 'no-such-command')), {
        code: 1,
        says: /TASK_FAILED: .*no-such-command.*Check that the command is in the image/s,
      });
    });

    it('names a network that there is none of', async () => {
      fails(await beside(cluster.run(['--network=mesita-no-such-network'], 'true')), {
        code: 1,
        says: /TASK_FAILED: .*mesita-no-such-network.*docker network create/s,
      });
    });

    it('names an option of docker run that there is none of', async () => {
      fails(await beside(cluster.run(['--parameter=no-such-option=1'], 'true')), {
        code: 1,
        says: /TASK_FAILED: .*no-such-option/s,
      });
    });

    it('names a file of this side that is not there', async () => {
      fails(await cluster.run(['--uri=no-such-file'], 'true'), {
        code: 1,
        says: /no-such-file: there is no such file/,
      });
    });
  });

  it('of a scheduler: more than was offered is TASK_ERROR with both amounts', async () => {
    const scheduler = await TestScheduler.start(cluster.address);
    try {
      await scheduler.launch({
        name: 'greedy',
        resources: resources({ cpus: 1000, mem: 32 }),
        command: { value: 'true' },
      });
      const status = await scheduler.update('greedy', 'TASK_ERROR');
      assert.equal(status.reason, 'REASON_TASK_INVALID');
      assert.match(status.message ?? '', /cpus.*:1000.* is more than available .*cpus.*:3\.5/);
      await scheduler.launch({ name: 'modest', command: { value: 'true' } });
      await scheduler.update('modest', 'TASK_FINISHED');
      await cluster.provesHealthy();
    } finally {
      await scheduler.close();
    }
  });

  it('of a client: what is no call is answered with 400, and the master lives', async () => {
    const url = `http://${cluster.address}/api/v1/scheduler`;
    const bodies = [
      '{"type": ',
      'null',
      '[]',
      '"text"',
      '{"type":"NO_SUCH_CALL"}',
      '{}',
      '',
      '\u0000',
      '{"type":"ACCEPT"}',
    ];
    for (const body of bodies) {
      const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      const text = await answer.text();
      assert.equal(answer.status, 400, `${body}: ${text}`);
      assert.notEqual(text, '');
    }
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const answer = await fetch(url, { method: 'POST', body: deep, headers: { 'content-type': 'application/json' } });
    assert.equal(answer.status, 400);
    await cluster.provesHealthy();
  });

  describe('of a person', () => {
    it('suggests the flag that was meant', async () => {
      fails(await cluster.mesita('run', '--nmae=x', testImage), { code: 2, says: /--nmae.*--name/s });
      fails(await cluster.mesita('master', '--prot=1'), { code: 2, says: /--prot.*--port/s });
      fails(await cluster.mesita('agent', '--wrok-dir=/x'), { code: 2, says: /--wrok-dir.*--work_dir/s });
    });

    it('suggests the command that was meant', async () => {
      fails(await cluster.mesita('rnu', testImage), { code: 2, says: /rnu.*run/s });
    });

    it('says what form a value has', async () => {
      fails(await cluster.run(['--cpus=many'], 'true'), { code: 2, says: /--cpus.*many/ });
      fails(await cluster.run(['--volume=x'], 'true'), { code: 2, says: /SOURCE:PATH/ });
      fails(await cluster.run(['--publish=http'], 'true'), { code: 2, says: /HOST:CONTAINER/ });
      fails(await cluster.run(['--env=x'], 'true'), { code: 2, says: /NAME=VALUE/ });
      fails(await cluster.run(['--name=a/b'], 'true'), { code: 2, says: /a\/b/ });
      fails(await cluster.mesita('agent', '--resources=cpus:many'), { code: 2, says: /cpus:many/ });
    });

    it('says which flag is missing', async () => {
      const { outcome } = cluster.spawn(['agent'], { MESITA_MASTER: undefined });
      fails(await outcome, { code: 2, says: /--master/ });
    });

    it('says that no master answers, and what to do', async () => {
      const nobody = `127.0.0.1:${await freePort()}`;
      for (const command of [['ps'], ['nodes'], ['logs', 'x'], ['kill', 'x'], ['run', testImage]]) {
        const [verb = '', ...rest] = command;
        const outcome = await cluster.mesita(verb, '-m', nobody, ...rest);
        fails(outcome, { code: 1, says: /MESITA_MASTER_UNREACHABLE.*\n.*mesita (up|dev)/ });
      }
    });
  });

  describe('of a daemon', () => {
    it('says that its port is in use', async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      try {
        await once(taken, 'listening');
        const address = taken.address();
        assert.ok(typeof address === 'object' && address !== null);
        const { port } = address;
        const own = join(cluster.directory, 'unused');
        const says = new RegExp(`127\\.0\\.0\\.1:${port}.*MESITA_PORT_IN_USE.*\\n.*--port`);
        const master = cluster.mesita('master', `--port=${port}`, `--work_dir=${own}-master`);
        fails(await master, { code: 1, says });
        const flags = cluster.agentArguments(`${own}-agent`, [`--port=${port}`]);
        fails(await cluster.mesita(...flags), { code: 1, says });
      } finally {
        taken.close();
      }
    });

    it('says that there is no engine, and how to come by one', async () => {
      const work = join(cluster.directory, 'unused-agent');
      const flags = cluster.agentArguments(work, ['--docker_socket=/no/such/docker.sock']);
      fails(await cluster.mesita(...flags), {
        code: 1,
        says: /\/no\/such\/docker\.sock.*MESITA_ENGINE_UNREACHABLE.*\n.*--docker_socket/,
      });
    });

    it('says that its work directory cannot be made', async () => {
      const file = join(cluster.directory, 'a-file');
      await writeFile(file, '');
      const says = /MESITA_WORK_DIR_UNUSABLE.*\n.*--work_dir/;
      fails(await cluster.mesita('master', '--port=0', `--work_dir=${file}/below`), { code: 1, says });
      fails(await cluster.mesita(...cluster.agentArguments(`${file}/below`)), { code: 1, says });
    });

    it('waits for a master that is not there yet, and says so', async () => {
      const flags = cluster.agentArguments(join(cluster.directory, 'early'));
      const lonely = cluster.spawn([...flags, `--master=127.0.0.1:${await freePort()}`]);
      await lonely.says(/no link to the master/);
      const { code } = await lonely.end('SIGTERM');
      if (code !== 0) throw new Hopeless(lonely.stderr);
    });
  });
});
