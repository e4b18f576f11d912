import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Advice, Answer, FrameworkAnswer, TaskAnswer } from '../../master/why/answer.ts';
import type { SchedulerEvent } from '../../protocol/messages.ts';
import { agentSubscription, frameworkInfo, taskFor } from '../support/master-messages.ts';
import { frameworkOf, MasterRoom, type OpenStream } from '../support/master-room.ts';
import { MesitaProcess } from '../support/mesita-process.ts';
import { until } from '../support/virtual-clock.ts';

type Stream = OpenStream<SchedulerEvent>;

async function open(t: TestContext): Promise<MasterRoom> {
  const room = await MasterRoom.open(['--allocation_interval=50ms']);
  t.after(() => room.close());
  return room;
}

async function ask<Subject extends Answer>(room: MasterRoom, query: string): Promise<Subject> {
  const { status, headers, text } = await room.request('GET', `/mesita/v1/why?${query}`);
  assert.equal(status, 200, text);
  assert.match(String(headers['content-type']), /^application\/json/);
  return JSON.parse(text);
}

const offersOf = (stream: Stream) => stream.records.flatMap(({ offers }) => offers?.offers ?? []);

/** Launches a task on a host as soon as that is offered, declines all else for good and wants no more. */
async function place(room: MasterRoom, stream: Stream, host: string, task: string, resources: string): Promise<void> {
  await until(`an offer of ${host}`, () => offersOf(stream).some(({ hostname }) => hostname === host));
  const offers = offersOf(stream);
  const chosen = offers.find(({ hostname }) => hostname === host);
  assert.ok(chosen);
  const launch = { task_infos: [taskFor(chosen, task, resources)] };
  await room.call(stream, { type: 'SUPPRESS' });
  await room.call(stream, {
    type: 'ACCEPT',
    accept: { offer_ids: [chosen.id], operations: [{ type: 'LAUNCH', launch }], filters: { refuse_seconds: 0 } },
  });
  await decline(room, stream, 0);
  stream.records.length = 1;
}

/** All that was offered, with what was accepted meanwhile. */
async function decline(room: MasterRoom, stream: Stream, refuse_seconds: number): Promise<void> {
  const offer_ids = offersOf(stream).map(({ id }) => id);
  await room.call(stream, { type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds } } });
}

const sizes = ['cpus:2;mem:4096;disk:1024', 'cpus:3;mem:6144;disk:2048', 'cpus:4;mem:8192;disk:3072'];
const needs = ['cpus:1;mem:2048;disk:1024', 'cpus:2;mem:4096;disk:2048', 'cpus:3;mem:6144;disk:3072'];

describe('three nodes with a task each, of which the second dies', () => {
  test('why says that nothing left is large enough, until a fourth one joins', async (t) => {
    const room = await open(t);
    const streams: Stream[] = [];
    for (const [index, resources] of sizes.entries()) {
      const number = index + 1;
      await room.join(agentSubscription({ resources, hostname: `n${number}` }));
      const stream = await room.subscribe(frameworkInfo({ name: `s${number}`, failoverTimeout: 60 }));
      await place(room, stream, `n${number}`, `t${number}`, needs[index] ?? '');
      streams.push(stream);
    }
    const [, second] = streams;
    assert.ok(second);
    const [, dead] = [...room.master.state.agents.values()];
    const gone = { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: dead?.id } } };
    const headers = { 'content-type': 'application/json' };
    assert.equal((await room.request('POST', '/api/v1', { headers, body: JSON.stringify(gone) })).status, 200);
    await until('the task is lost', () => second.records.some(({ update }) => update?.status.state === 'TASK_LOST'));
    await room.call(second, { type: 'REVIVE' });
    await until('both are offered', () => offersOf(second).length === 2);
    await decline(room, second, 100);

    const answer = await ask<FrameworkAnswer>(room, `framework=${frameworkOf(second)}`);
    assert.deepEqual(answer.wish, {
      amounts: { cpus: 2, mem: 4096, disk: 2048 },
      source: 'LOST_TASK',
      task_id: 't2',
    });
    assert.deepEqual(
      answer.roles[0]?.survey.nearest.map(({ hostname, obstacle, free, lacks, too_small }) => [
        hostname,
        obstacle.kind,
        free,
        lacks,
        too_small,
      ]),
      [
        ['n3', 'TOO_SMALL', { cpus: 1, mem: 2048 }, { cpus: 1, mem: 2048, disk: 2048 }, false],
        ['n1', 'TOO_SMALL', { cpus: 1, mem: 2048 }, { cpus: 1, mem: 2048, disk: 2048 }, true],
      ],
    );
    assert.deepEqual(
      answer.advice.map(({ kind }: Advice) => kind),
      ['WAIT_FOR_TASKS', 'ADD_AGENT'],
    );
    assert.deepEqual(
      answer.holders.map(({ framework, allocated }) => [framework, allocated.cpus]),
      [
        ['s3', 3],
        ['s1', 1],
      ],
    );

    const task = await ask<TaskAnswer>(room, 'task=t2');
    assert.equal(task.history.at(-1)?.reason, 'REASON_AGENT_REMOVED');
    assert.deepEqual(task.placement?.wish, answer.wish);

    const command = new MesitaProcess(['why', 's2', '--master', room.master.address], process.env);
    const { code, stdout, stderr } = await command.outcome;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /It waits for 2 cpus, 4096 MB mem, 2048 MB disk, as much as the task had that it lost: t2\./);
    assert.match(stdout, /Declined 2 offers .*: largest had 1 cpus, 2048 MB mem\./);
    assert.match(stdout, /n3 +1 cpus, 2048 MB mem, no disk +1 cpus, 2048 MB mem, 2048 MB disk +too little free/);

    await room.join(agentSubscription({ resources: 'cpus:2;mem:4096;disk:2048', hostname: 'n4' }));
    await place(room, second, 'n4', 't2-again', needs[1] ?? '');
    const after = await ask<FrameworkAnswer>(room, 'framework=s2');
    assert.equal(after.wish, undefined);
  });
});

describe('GET /mesita/v1/why', () => {
  test('judges a framework by what it is asked', async (t) => {
    const room = await open(t);
    await room.join(agentSubscription({ resources: 'cpus:2;mem:1024', hostname: 'n1' }));
    const stream = await room.subscribe(frameworkInfo({ name: 'web', role: 'web' }));
    await until('an offer', () => offersOf(stream).length === 1);
    // An id goes before a name.
    assert.equal((await ask(room, 'subject=web')).subject, 'role');
    const large = await ask<FrameworkAnswer>(room, 'framework=web&resources=cpus:2.5%3Bmem:512');
    assert.deepEqual(large.wish, { amounts: { cpus: 2.5, mem: 512 }, source: 'ASKED' });
    assert.deepEqual(
      large.advice.map(({ kind }) => kind),
      ['ANSWER_OFFERS', 'ASK_FOR_LESS'],
    );
  });

  test('answers 404 for what there is not, and 400 for what cannot be read or is several', async (t) => {
    const room = await open(t);
    await room.subscribe(frameworkInfo({ name: 'twin', role: 'a' }));
    await room.subscribe(frameworkInfo({ name: 'twin', role: 'b' }));
    const one = 'Expecting exactly one of task=, framework=, role= and subject=, with an id or a name';
    const expected: Record<string, [number, string | RegExp]> = {
      'task=x': [404, "There is no task 'x'"],
      'subject=x': [404, "There is no task, framework or role 'x'"],
      'role=x/y': [404, "There is no role 'x/y'"],
      'framework=twin': [400, /^'twin' stands for 2: .*-0000 \(framework\), .*-0001 \(framework\)$/],
      '': [400, one],
      'task=': [400, one],
      'task=a&role=b': [400, one],
      'task=a&task=b': [400, one],
      'tusk=a': [400, "Unknown parameter 'tusk'"],
      'role=a&resources=nonsense': [400, /^Cannot read resources=nonsense: /],
      'role=a&resources=ports:[1-2]': [400, /expecting amounts/],
    };
    for (const [query, [status, text]] of Object.entries(expected)) {
      const answer = await room.request('GET', `/mesita/v1/why?${query}`);
      assert.equal(answer.status, status, query);
      if (typeof text === 'string') assert.equal(answer.text, text);
      else assert.match(answer.text, text);
    }
  });

  test('mesita why prints the document for programs, and fails with the text of the master', async (t) => {
    const room = await open(t);
    await room.subscribe(frameworkInfo({ name: 'web', role: 'web' }));
    const run = (...args: string[]) =>
      new MesitaProcess(['why', ...args, '--master', room.master.address], process.env).outcome;
    const [document, stranger] = await Promise.all([run('web', '--kind=role', '--json'), run('nobody')]);
    assert.equal(JSON.parse(document.stdout).subject, 'role');
    assert.equal(stranger.code, 1);
    assert.match(stranger.stderr, /There is no task, framework or role 'nobody'/);
  });
});
