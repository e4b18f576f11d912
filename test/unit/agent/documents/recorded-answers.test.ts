import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { ContainerStatistics } from '../../../../agent/container-statistics.ts';
import { operatorRoute } from '../../../../agent/http/operator-route.ts';
import { readOnlyRoutes } from '../../../../agent/http/read-only-routes.ts';
import { metricsSnapshot } from '../../../../agent/metrics.ts';
import { NestedContainers } from '../../../../agent/nested/nested-containers.ts';
import { sandboxesUnder } from '../../../../agent/sandbox-files.ts';
import type { FrameworkInfo } from '../../../../protocol/messages.ts';
import { parseAttributes } from '../../../../protocol/resource-text.ts';
import { AccountNames } from '../../../../runtime/account-names.ts';
import { createHttpServer } from '../../../../runtime/http-server.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { ShownFiles } from '../../../../runtime/shown-files.ts';
import { Timer } from '../../../../runtime/timer.ts';
import { AgentRoom, dockerTask } from '../../../support/agent-room.ts';
import { frameworkInfo, resourcesOf } from '../../../support/master-messages.ts';
import { structureOf } from '../../../support/v0-comparison.ts';

type Moment = 'idle' | 'running' | 'after tasks';

/** What a real agent answered: idle, with one docker task and one command running, and after them. */
const recorded: Record<string, Record<Moment, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'recorded-answers.json'), 'utf8'),
);

/** Its build, its processes, and what its executors ask for on top of their tasks. */
const theirs = /\.git_sha |executor_pid |mem_soft_limit_bytes |executor_info\.resources/;
/** See docs/compatibility.md; and the recorded agent shared out CPU time without limits. */
const ours = /mesita_version |statuses\[\]\.(message|reason) |(cpus_limit|mem_total_bytes|processes) /;
/** An address of the container, and what runs in it instead of Mesos' executor. */
const oursInV1 = /network_infos|executor_info\.command\./;

const ea: FrameworkInfo = {
  ...frameworkInfo({
    id: 'F',
    name: 'ea',
    roles: ['ea'],
    failoverTimeout: 60,
    capabilities: ['MULTI_ROLE', 'RESERVATION_REFINEMENT', 'PARTITION_AWARE', 'TASK_KILLING_STATE'],
  }),
  checkpoint: true,
};

class Answers {
  readonly room: AgentRoom;
  readonly #server: FastifyInstance;

  constructor(room: AgentRoom) {
    this.room = room;
    const parsed = parseAttributes('rack:r1;level:3;zone:a-b');
    const info = {
      hostname: 'localhost',
      port: 6051,
      resources: resourcesOf('cpus:2;mem:2048;disk:10000;ports:[31000-31099]'),
      attributes: 'value' in parsed ? parsed.value : [],
      id: { value: 'S' },
    };
    const address = { hostname: 'localhost', ip: '127.0.0.1', port: 6051 };
    const master = '127.0.0.1:6050';
    const identity = { id: 'S', registered: true, info, address, startedAt: 0, master, flags: {} };
    const { state, engine, clock } = room;
    state.total = info.resources;
    const launches = {
      imagePull: new Timer(),
      sandboxes: { pending: 0, maxAllowedAge: 604_800, removals: { succeeded: 0, failed: 0 } },
      fetchesSucceeded: 0,
      fetchesFailed: 0,
      fetcherCache: { totalBytes: 2 ** 31, usedBytes: 0 },
    };
    const metrics = () => metricsSnapshot(state, identity, launches, clock.now());
    const statistics = new ContainerStatistics(state, engine, true, clock);
    const locate = sandboxesUnder(() => join(room.directory, 'slaves/S'));
    const files = new ShownFiles({ accounts: new AccountNames(), locate });
    this.#server = createHttpServer({ log: silentLog, actor: 'slave(1)', bodyLimit: 1e6 });
    const loggingLevel = { level: 0, set: () => undefined };
    readOnlyRoutes(this.#server, { state, identity: () => identity, statistics, metrics });
    const nested = new NestedContainers(state, engine);
    operatorRoute(this.#server, { state, identity: () => identity, statistics, metrics, files, nested, loggingLevel });
  }

  async to(what: string): Promise<string> {
    if (what.startsWith('/')) return (await this.#server.inject(what)).body;
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#server.inject({ method: 'POST', url: '/api/v1', headers, payload: { type: what } });
    assert.equal(answer.statusCode, 200, answer.body);
    return answer.body;
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.room.close();
  }

  async run(): Promise<void> {
    const resources = resourcesOf('cpus:0.1;mem:64').map((one) => ({ ...one, allocation_info: { role: 'ea' } }));
    const command = { value: 'echo hello; sleep 300' };
    this.room.run(dockerTask('edock', { resources, command }), ea);
    this.room.run({ name: 'ecmd', task_id: { value: 'ecmd' }, agent_id: { value: 'S' }, resources, command }, ea);
    for (const id of ['edock', 'ecmd']) {
      const container = await this.room.running(id);
      this.room.engine.scriptUsage(container, { cpuUserSeconds: 1, cpuSystemSeconds: 0.5, mem: 10, pids: 1 });
    }
  }

  async end(): Promise<void> {
    for (const id of ['edock', 'ecmd']) {
      this.room.kill(id, 0);
      await this.room.history(id);
    }
  }
}

describe('an agent tells what a real agent told, in the same structure', () => {
  let answers: Answers;
  before(async () => {
    answers = new Answers(await AgentRoom.open());
  });
  after(() => answers.close());

  async function compare(moment: Moment): Promise<void> {
    for (const [what, answer] of Object.entries(recorded)) {
      const [own, expected] = [structureOf(await answers.to(what)), structureOf(answer[moment])];
      if (what.startsWith('/metrics')) continue;
      const missing = [...expected].filter((line) => !own.has(line) && !theirs.test(line) && !oursInV1.test(line));
      assert.deepEqual(missing, [], `${what} [${moment}] lacks`);
      const added = [...own].filter((line) => !expected.has(line) && !ours.test(line) && !oursInV1.test(line));
      assert.deepEqual(added, [], `${what} [${moment}] adds`);
    }
  }

  test('when it runs nothing', () => compare('idle'));

  test('when a docker task and a command run', async () => {
    await answers.run();
    await compare('running');
  });

  test('when they are over', async () => {
    await answers.end();
    await compare('after tasks');
  });

  test('metrics, but for those of parts that are not here', async () => {
    const own = JSON.parse(await answers.to('/metrics/snapshot'));
    const notHere = /^(containerizer\/|gc\/|resource_provider_manager\/)|slave\/(recovery_time|executor_directory)/;
    const names = Object.keys(JSON.parse(recorded['/metrics/snapshot']?.running ?? '{}'));
    assert.deepEqual(
      names.filter((name) => !(name in own) && !notHere.test(name)),
      [],
    );
    assert.equal(own['slave/tasks_killed'], 2);
    assert.equal(own['slave/executors_terminated'], 2);
    assert.equal(own['slave/cpus_used'], 0);
  });
});
