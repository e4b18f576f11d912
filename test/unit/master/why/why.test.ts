import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { whyText } from '../../../../cli/why/why-text.ts';
import { disconnectAgent } from '../../../../master/commands/disconnect-agent.ts';
import { disconnectFramework } from '../../../../master/commands/disconnect-framework.ts';
import { deactivateAgent, drainAgent } from '../../../../master/commands/drain.ts';
import { updateQuotas } from '../../../../master/commands/quota.ts';
import { markUnreachable } from '../../../../master/commands/remove-agent.ts';
import { updateFramework } from '../../../../master/commands/update-framework.ts';
import type { Advice, Amounts, FrameworkAnswer, TaskAnswer } from '../../../../master/why/answer.ts';
import { findSubject } from '../../../../master/why/subject.ts';
import { why } from '../../../../master/why/why.ts';
import type { AgentId, FrameworkId } from '../../../../protocol/ids.ts';
import { taskFor } from '../../../support/master-messages.ts';
import { MasterWorld } from '../../../support/master-world.ts';

function ask(world: MasterWorld, given: string, asked?: Amounts) {
  const found = findSubject(world.state, given, ['task', 'framework', 'role']);
  assert.ok('subject' in found, JSON.stringify(found));
  return why(world.state, found.subject, asked, world.now);
}

function askFramework(world: MasterWorld, id: FrameworkId, asked?: Amounts): FrameworkAnswer {
  const answer = ask(world, id, asked);
  assert.equal(answer.subject, 'framework');
  return answer as FrameworkAnswer;
}

function askTask(world: MasterWorld, id: string): TaskAnswer {
  const answer = ask(world, id);
  assert.equal(answer.subject, 'task');
  return answer as TaskAnswer;
}

/** Launches a task on that agent, and declines whatever else is offered. */
function launchOn(world: MasterWorld, framework: FrameworkId, agent: AgentId, id: string, resources: string): void {
  const offers = world.offers(framework);
  const own = offers.filter(({ agent_id }) => agent_id.value === agent);
  const [offer] = own;
  assert.ok(offer);
  world.accept(framework, own, [taskFor(offer, id, resources)], 0);
  const offer_ids = offers.filter((other) => other !== offer).map((other) => other.id);
  world.call(framework, { type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds: 0 } } });
}

function decline(world: MasterWorld, framework: FrameworkId, refuse_seconds = 5): void {
  const offer_ids = world.offers(framework).map(({ id }) => id);
  world.call(framework, { type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds } } });
}

/** Obstacle of each agent, by host name. */
function obstacles({ roles }: FrameworkAnswer): Record<string, string> {
  return Object.fromEntries(
    (roles[0]?.survey.nearest ?? []).map(({ hostname, obstacle }) => [hostname, obstacle.kind]),
  );
}

function kinds({ advice }: { advice: readonly Advice[] }): string[] {
  return advice.map(({ kind }) => kind);
}

describe('three nodes of which the second dies', () => {
  const sizes = ['cpus:2;mem:4096;disk:1024', 'cpus:3;mem:6144;disk:2048', 'cpus:4;mem:8192;disk:3072'];
  const needs = ['cpus:1;mem:2048;disk:1024', 'cpus:2;mem:4096;disk:2048', 'cpus:3;mem:6144;disk:3072'];
  const wanted = { cpus: 2, mem: 4096, disk: 2048 };

  function story(): { world: MasterWorld; frameworks: FrameworkId[]; agents: AgentId[] } {
    const world = new MasterWorld();
    const frameworks: FrameworkId[] = [];
    const agents: AgentId[] = [];
    for (const [index, size] of sizes.entries()) {
      const agent = world.agent(size, { hostname: `n${index + 1}` });
      const framework = world.framework({
        name: `scheduler-${index + 1}`,
        failoverTimeout: 60,
        capabilities: ['PARTITION_AWARE'],
      });
      launchOn(world, framework, agent, `task-${index + 1}`, needs[index] ?? '');
      world.update(agent, framework, `task-${index + 1}`, 'TASK_RUNNING');
      world.call(framework, { type: 'SUPPRESS' });
      frameworks.push(framework);
      agents.push(agent);
    }
    world.now += 10_000;
    markUnreachable(world.state, agents[1] as AgentId, world.now);
    const second = frameworks[1] as FrameworkId;
    world.call(second, { type: 'REVIVE' });
    decline(world, second);
    world.now += 1_000;
    return { world, frameworks, agents };
  }

  test('nothing left is large enough: what each lacks, who holds it, and what would help', () => {
    const { world, frameworks } = story();
    const answer = askFramework(world, frameworks[1] as FrameworkId);
    assert.deepEqual(answer.wish, { amounts: wanted, source: 'LOST_TASK', task_id: 'task-2' });
    const [role] = answer.roles;
    assert.deepEqual(role?.declined?.largest, { cpus: 1, mem: 2048 });
    assert.equal(role?.declined?.offers, 2);
    assert.deepEqual(
      role?.survey.nearest.map(({ hostname, obstacle, free, lacks, too_small, held_by }) => ({
        hostname,
        obstacle: obstacle.kind,
        free,
        lacks,
        too_small,
        held_by: held_by.map(({ id, framework, amounts }) => [id, framework, amounts]),
      })),
      [
        {
          hostname: 'n3',
          obstacle: 'TOO_SMALL',
          free: { cpus: 1, mem: 2048 },
          lacks: { cpus: 1, mem: 2048, disk: 2048 },
          too_small: false,
          held_by: [['task-3', 'scheduler-3', { cpus: 3, mem: 6144, disk: 3072 }]],
        },
        {
          hostname: 'n1',
          obstacle: 'TOO_SMALL',
          free: { cpus: 1, mem: 2048 },
          lacks: { cpus: 1, mem: 2048, disk: 2048 },
          too_small: true,
          held_by: [['task-1', 'scheduler-1', { cpus: 1, mem: 2048, disk: 1024 }]],
        },
      ],
    );
    assert.deepEqual(kinds(answer), ['RECONNECT_AGENT', 'WAIT_FOR_TASKS', 'ADD_AGENT']);
    const [back, ends, more] = answer.advice;
    assert.ok(back?.kind === 'RECONNECT_AGENT' && back.agent.hostname === 'n2');
    assert.ok(ends?.kind === 'WAIT_FOR_TASKS' && ends.agent.hostname === 'n3' && ends.tasks[0]?.id === 'task-3');
    assert.deepEqual(more, { kind: 'ADD_AGENT', amounts: wanted });
  });

  test('the lost task says where it was, and why it is not placed again', () => {
    const { world } = story();
    const answer = askTask(world, 'task-2');
    assert.equal(answer.place, 'UNREACHABLE');
    assert.equal(answer.agent?.condition, 'UNREACHABLE');
    assert.equal(answer.history.at(-1)?.state, 'TASK_UNREACHABLE');
    assert.equal(answer.history.at(-1)?.message, 'health check timed out');
    assert.deepEqual(
      answer.waits.map(({ kind }) => kind),
      ['AGENT_BACK'],
    );
    assert.deepEqual(answer.placement?.wish?.amounts, wanted);
  });

  test('a fourth node that is large enough is offered next', () => {
    const { world, frameworks } = story();
    world.agent('cpus:2;mem:4096;disk:2048', { hostname: 'n4' });
    const second = frameworks[1] as FrameworkId;
    const before = askFramework(world, second);
    assert.equal(obstacles(before).n4, 'NOTHING');
    assert.equal(before.advice[0]?.kind, 'WAIT_FOR_ALLOCATION');
    world.launch(second, 'task-2-again', needs[1]);
    assert.equal(askFramework(world, second).wish, undefined);
  });
});

describe('each obstacle is named, with what helps', () => {
  function setting(settings = {}): { world: MasterWorld; agent: AgentId; framework: FrameworkId } {
    const world = new MasterWorld(settings);
    const agent = world.agent('cpus:4;mem:1024', { hostname: 'n1' });
    return { world, agent, framework: world.framework({ name: 'web', failoverTimeout: 60, role: 'web' }) };
  }

  test('nothing: it comes with the next allocation', () => {
    const { world, framework } = setting();
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'NOTHING' });
    assert.deepEqual(kinds(answer), ['WAIT_FOR_ALLOCATION']);
  });

  test('a filter that holds for four seconds more', () => {
    const { world, framework } = setting();
    decline(world, framework, 5);
    world.now += 1_000;
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'FILTERED' });
    const [wait, revive] = answer.advice;
    assert.ok(wait?.kind === 'WAIT_FOR_FILTER');
    assert.equal(wait.until - answer.at, 4);
    assert.deepEqual(revive, { kind: 'REVIVE', role: 'web' });
  });

  test('offers that it sits on itself', () => {
    const { world, framework } = setting({ offerTimeout: 30 });
    world.offers(framework);
    world.now += 10_000;
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'OFFERED' });
    const [first] = answer.advice;
    assert.ok(first?.kind === 'ANSWER_OFFERS');
    assert.equal(first.offers, 1);
    assert.equal(answer.at - first.since, 10);
    assert.equal((first.rescinded_at ?? 0) - answer.at, 20);
  });

  test('offers that others sit on', () => {
    const { world, framework } = setting();
    const hoarder = world.framework({ name: 'hoarder', role: 'other' });
    world.call(framework, { type: 'SUPPRESS' });
    world.offers(hoarder);
    world.call(framework, { type: 'REVIVE' });
    world.now += 60_000;
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'NOTHING_FREE' });
    const [first] = answer.advice;
    assert.ok(first?.kind === 'WAIT_FOR_OFFER');
    assert.equal(first.holder.framework, 'hoarder');
    assert.equal(answer.at - first.since, 60);
    assert.equal(answer.holders[0]?.outstanding.offers, 1);
  });

  test('a role that it suppressed, and since when', () => {
    const { world, framework } = setting();
    world.call(framework, { type: 'SUPPRESS' });
    world.now += 3_000;
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'SUPPRESSED' });
    assert.equal(answer.at - (answer.roles[0]?.survey.reasons[0]?.since ?? 0), 3);
    assert.deepEqual(kinds(answer), ['REVIVE']);
  });

  test('a framework that is away', () => {
    const { world, framework } = setting();
    world.did(disconnectFramework(world.state, world.known(framework), world.now));
    world.now += 2_000;
    const answer = askFramework(world, framework);
    assert.equal(answer.condition, 'DISCONNECTED');
    assert.equal(answer.at - answer.since, 2);
    assert.deepEqual(answer.advice, [{ kind: 'RECONNECT', removed_at: answer.since + 60 }]);
  });

  test('half a core less would do', () => {
    const { world, framework } = setting();
    const answer = askFramework(world, framework, { cpus: 4.5, mem: 512 });
    assert.deepEqual(obstacles(answer), { n1: 'TOO_SMALL' });
    const less = answer.advice.find(({ kind }) => kind === 'ASK_FOR_LESS');
    assert.ok(less?.kind === 'ASK_FOR_LESS');
    assert.deepEqual([less.less, less.largest], [{ cpus: 0.5 }, { cpus: 4, mem: 512 }]);
    assert.deepEqual(kinds(answer), ['ASK_FOR_LESS', 'ADD_AGENT']);
  });

  test('agents that are deactivated, drained or disconnected', () => {
    const { world, agent, framework } = setting();
    const second = world.agent('cpus:4;mem:1024', { hostname: 'n2' });
    const third = world.agent('cpus:4;mem:1024', { hostname: 'n3' });
    deactivateAgent(world.state, agent, world.now);
    drainAgent(world.state, { agent_id: { value: second } }, world.now);
    disconnectAgent(world.state, third, world.now);
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'DEACTIVATED', n2: 'DRAINED', n3: 'DISCONNECTED' });
    assert.deepEqual(kinds(answer), ['RECONNECT_AGENT', 'REACTIVATE_AGENT']);
  });

  test('a limit that its role has reached', () => {
    const { world, framework } = setting();
    setQuota(world, 'web', { limits: { cpus: 1 } });
    world.launch(framework, 'a', 'cpus:1;mem:64');
    const answer = askFramework(world, framework, { cpus: 1, mem: 64 });
    assert.deepEqual(obstacles(answer), { n1: 'LIMIT' });
    assert.deepEqual(answer.advice, [{ kind: 'RAISE_LIMIT', role: 'web', amounts: { cpus: 1 } }]);
  });

  test('guarantees of others', () => {
    const { world, framework } = setting();
    setQuota(world, 'prod', { guarantees: { cpus: 4, mem: 1024 } });
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'HEADROOM' });
    assert.deepEqual(answer.advice, [{ kind: 'LOWER_GUARANTEE', role: 'prod', amounts: { cpus: 4, mem: 1024 } }]);
  });

  test('guarantees of others that leave too little for what it waits for', () => {
    const { world, framework } = setting();
    setQuota(world, 'prod', { guarantees: { cpus: 2 } });
    decline(world, framework);
    const answer = askFramework(world, framework, { cpus: 3, mem: 64 });
    assert.deepEqual(obstacles(answer), { n1: 'HEADROOM' });
    assert.deepEqual(answer.advice, [{ kind: 'LOWER_GUARANTEE', role: 'prod', amounts: { cpus: 2 } }]);
  });

  test('GPUs that it does not take', () => {
    const world = new MasterWorld();
    world.agent('cpus:4;mem:1024;gpus:1', { hostname: 'n1' });
    const framework = world.framework();
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'GPU' });
    assert.deepEqual(kinds(answer), ['TAKE_GPUS']);
  });

  test('constraints of its own', () => {
    const { world, framework } = setting();
    const groups = [{ attribute_constraints: [{ selector: { attribute_name: 'gpu' }, predicate: { exists: {} } }] }];
    const { info } = world.known(framework);
    const offer_constraints = { role_constraints: { web: { groups } } };
    const outcome = updateFramework(
      world.state,
      world.known(framework),
      { framework_info: info, offer_constraints },
      world.now,
    );
    assert.ok('effects' in outcome);
    const answer = askFramework(world, framework);
    assert.deepEqual(obstacles(answer), { n1: 'CONSTRAINTS' });
    assert.deepEqual(kinds(answer), ['RELAX_CONSTRAINTS']);
  });

  test('tasks that hold what it waits for', () => {
    const { world, agent, framework } = setting();
    const other = world.framework({ name: 'batch', role: 'batch' });
    world.call(framework, { type: 'SUPPRESS' });
    world.launch(other, 'big', 'cpus:3;mem:960');
    world.update(agent, other, 'big', 'TASK_RUNNING');
    world.call(other, { type: 'SUPPRESS' });
    world.call(framework, { type: 'REVIVE' });
    const answer = askFramework(world, framework, { cpus: 2, mem: 64 });
    assert.deepEqual(obstacles(answer), { n1: 'TOO_SMALL' });
    assert.deepEqual(kinds(answer), ['ASK_FOR_LESS', 'WAIT_FOR_TASKS', 'ADD_AGENT']);
  });

  test('less than is worth an offer', () => {
    const world = new MasterWorld();
    world.agent('mem:16', { hostname: 'n1' });
    const framework = world.framework();
    assert.deepEqual(obstacles(askFramework(world, framework)), { n1: 'MINIMUM' });
  });

  test('the turn of others, who come first with what they hold', () => {
    const { world, agent, framework } = setting();
    world.launch(framework, 'a', 'cpus:1;mem:64');
    const newcomer = world.framework({ name: 'newcomer', role: 'new' });
    world.now += 10_000;
    world.update(agent, framework, 'a', 'TASK_RUNNING');
    const answer = askFramework(world, framework);
    assert.deepEqual(answer.roles[0]?.survey.nearest[0]?.obstacle, {
      kind: 'ORDER',
      before: { framework_id: newcomer, framework: 'newcomer' },
      role: 'new',
      ahead: 1,
    });
    assert.deepEqual(kinds(answer), ['WAIT_FOR_TURN']);
    assert.deepEqual(obstacles(askFramework(world, newcomer)), { n1: 'NOTHING' });
  });

  test('no roles at all', () => {
    const { world } = setting();
    const answer = askFramework(world, world.framework({ roles: [], capabilities: ['MULTI_ROLE'] }));
    assert.deepEqual([answer.roles, answer.advice], [[], []]);
    assert.match(whyText(answer), /It has no role: nothing is offered to it\./);
  });

  test('no agents at all', () => {
    const world = new MasterWorld();
    const answer = askFramework(world, world.framework(), { cpus: 1 });
    assert.deepEqual(answer.advice, [{ kind: 'ADD_AGENT', amounts: { cpus: 1 } }]);
  });

  test('what is reserved for others is not there, what is reserved for its role is', () => {
    const world = new MasterWorld();
    world.agent('cpus(prod):2;cpus(web):1;cpus:1;mem:1024', { hostname: 'n1' });
    const framework = world.framework({ role: 'web/front' });
    const [nearest] = askFramework(world, framework, { cpus: 3 }).roles[0]?.survey.nearest ?? [];
    assert.deepEqual([nearest?.total, nearest?.too_small], [{ cpus: 2, mem: 1024 }, true]);
  });

  test('of many agents some are looked at, evenly chosen', () => {
    const world = new MasterWorld();
    for (let number = 0; number < 30; number++) world.agent('cpus:1;mem:64', { hostname: `n${number}` });
    const framework = world.framework({ name: 'web' });
    decline(world, framework);
    const answer = why(world.state, { kind: 'framework', framework: world.known(framework) }, undefined, world.now, 10);
    assert.ok(answer.subject === 'framework');
    const { agents, examined, reasons, nearest } = answer.roles[0]?.survey ?? {};
    assert.deepEqual([agents, examined, reasons?.[0]?.agents, nearest?.length], [30, 10, 10, 10]);
    assert.ok(nearest?.some(({ hostname }) => hostname === 'n27'));
  });
});

describe('a role', () => {
  test('tells its quota, what that lacks and leaves, and of those in it and below it', () => {
    const world = new MasterWorld();
    world.agent('cpus:4;mem:1024', { hostname: 'n1' });
    setQuota(world, 'prod', { guarantees: { cpus: 3 }, limits: { cpus: 3, mem: 512 } });
    const framework = world.framework({ name: 'web', role: 'prod/web' });
    world.launch(framework, 'a', 'cpus:1;mem:64');
    const answer = ask(world, 'prod');
    assert.ok(answer.subject === 'role');
    assert.deepEqual(answer.quota, {
      guarantees: { cpus: 3 },
      limits: { cpus: 3, mem: 512 },
      consumed: { cpus: 1, mem: 64 },
    });
    assert.deepEqual([answer.lacks, answer.left], [{ cpus: 2 }, { cpus: 2, mem: 448 }]);
    assert.deepEqual(
      answer.frameworks.map(({ framework: name, role }) => [name, role]),
      [['web', 'prod/web']],
    );
  });

  test('names frameworks in it that sit on offers, though they want no more', () => {
    const world = new MasterWorld();
    world.agent('cpus:4;mem:1024', { hostname: 'n1' });
    const hoarder = world.framework({ name: 'hoarder', role: 'batch' });
    world.offers(hoarder);
    world.call(hoarder, { type: 'SUPPRESS' });
    const answer = ask(world, 'batch');
    assert.ok(answer.subject === 'role');
    assert.deepEqual(
      answer.advice.map(({ kind, framework }) => [kind, framework]),
      [['ANSWER_OFFERS', 'hoarder']],
    );
  });
});

function setQuota(
  world: MasterWorld,
  role: string,
  { guarantees = {}, limits = {} }: { guarantees?: Amounts; limits?: Amounts },
): void {
  const scalars = (amounts: Amounts) =>
    Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, { value }]));
  const quota_configs = [{ role, guarantees: scalars(guarantees), limits: scalars(limits) }];
  const outcome = updateQuotas(world.state, { quota_configs, force: true }, world.now);
  assert.ok('effects' in outcome, JSON.stringify(outcome));
}
