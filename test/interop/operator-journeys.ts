import assert from 'node:assert/strict';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ForeignOperator } from './foreign-operator.ts';
import type { ForeignCommand } from './foreign-process.ts';
import type { Toolchain } from './toolchains.ts';

export interface OperatorOptions {
  /** host:port */
  master: string;
  agent: string;
}

export interface OperatorLibrary {
  title: string;
  toolchain: Toolchain;
  command: (toolchain: string, directory: string, options: OperatorOptions) => ForeignCommand;
  /** Calls that read, of those that it has. */
  reads: { master: readonly string[]; agent: readonly string[] };
  /** Whether it has TEARDOWN. */
  tearsDown: boolean;
}

/** Milliseconds for all of it: nothing may hang. */
const timeout = 180_000;

/** What operators do, on the library, against a master and an agent as they are run by people. */
export function testOperator({ title, toolchain, command, reads, tearsDown }: OperatorLibrary): void {
  const skip = 'missing' in toolchain ? `it cannot be had here. ${toolchain.missing}` : false;
  describe(title, { timeout, skip }, () => {
    let cluster: Cluster;
    let operator: ForeignOperator;

    before(async () => {
      assert.ok('directory' in toolchain);
      cluster = await Cluster.start();
      const [{ pid } = { pid: '' }] = (await cluster.state()).slaves;
      const options = { master: cluster.address, agent: pid.split('@')[1] ?? '' };
      operator = new ForeignOperator(command(toolchain.directory, cluster.directory, options));
      operator.watch();
    });
    after(async () => {
      await operator?.kill();
      await cluster?.close();
    });

    it('reads all that there is to read', async () => {
      await cluster.provesHealthy();
      const running = await cluster.running('reader');
      for (const at of ['master', 'agent'] as const) {
        for (const call of reads[at]) {
          const args = call === 'GET_METRICS' ? [1e9] : [];
          const answer = (await operator.ask(at, call, ...args)) as Record<string, unknown>;
          assert.equal(answer.type, call);
        }
      }
      for (const at of ['master', 'agent'] as const) {
        assert.match(JSON.stringify(await operator.ask(at, 'GET_TASKS')), /"TASK_RUNNING"/);
      }
      assert.ok(JSON.stringify(await operator.ask('master', 'GET_AGENTS')).includes(cluster.agent.id));
      await running.end('SIGINT');
    });

    it('lists and reads the files of a sandbox', async () => {
      const running = await cluster.running('with-files');
      const sandbox = await realpath(await cluster.sandboxOf('with-files'));
      const listed = JSON.stringify(await operator.ask('agent', 'LIST_FILES', sandbox));
      for (const name of ['stdout', 'stderr']) assert.ok(listed.includes(join(sandbox, name)), listed);
      const read = await operator.ask('agent', 'READ_FILE', join(sandbox, 'stdout'), 100, 0);
      const { read_file } = read as { read_file: { data: string } };
      assert.equal(Buffer.from(read_file.data, 'base64').toString(), 'up\n');
      await operator.refused('agent', 'READ_FILE', '/etc/passwd', 100, 0);
      await running.end('SIGINT');
    });

    it('watches frameworks and tasks come and go', async () => {
      const { code } = await cluster.run(['--name=passer-by'], 'true');
      assert.equal(code, 0);
      await eventually('the framework is gone', () => operator.watched('run passer-by').includes('FRAMEWORK_REMOVED'));
      assert.deepEqual(operator.watched('run passer-by'), ['FRAMEWORK_ADDED', 'FRAMEWORK_REMOVED']);
      // The framework names its task as well, in a label.
      const [added, ...updates] = operator.watched('"passer-by-').filter((type) => type.startsWith('TASK_'));
      assert.equal(added, 'TASK_ADDED');
      assert.deepEqual(new Set(updates), new Set(['TASK_UPDATED']));
      assert.equal(operator.watched('"passer-by-', 'TASK_FINISHED').length, 1);
    });

    it('changes what the master logs', async () => {
      await operator.ask('master', 'SET_LOGGING_LEVEL', 1, 60e9);
      assert.deepEqual(await operator.ask('master', 'GET_LOGGING_LEVEL'), {
        type: 'GET_LOGGING_LEVEL',
        get_logging_level: { level: 1 },
      });
    });

    it('tears a framework down', { skip: !tearsDown && 'it has no TEARDOWN' }, async () => {
      const running = await cluster.running('torn');
      const { frameworks } = await cluster.state();
      const framework = frameworks.find(({ name }) => name === 'run torn');
      assert.ok(framework);
      await operator.ask('master', 'TEARDOWN', framework.id);
      await running.outcome;
      await operator.refused('master', 'TEARDOWN', framework.id);
      await cluster.settled();
    });

    it('watches an agent come and go', async () => {
      const { id, process } = await cluster.startAgent('guest');
      await process.end('SIGUSR1');
      await eventually('the agent is removed', () => operator.watched(id).includes('AGENT_REMOVED'));
      assert.deepEqual(operator.watched(id), ['AGENT_ADDED', 'AGENT_REMOVED']);
    });

    it('declares an agent gone', async () => {
      const { id, process } = cluster.agent;
      await operator.ask('master', 'MARK_AGENT_GONE', id);
      assert.deepEqual((await cluster.state()).slaves, []);
      await process.outcome;
    });
  });
}
