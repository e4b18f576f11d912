import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { adviceLines } from '../../../cli/why/advice-text.ts';
import { whyText } from '../../../cli/why/why-text.ts';
import { markUnreachable } from '../../../master/commands/remove-agent.ts';
import type { Advice, TaskAnswer, TaskWait } from '../../../master/why/answer.ts';
import { findSubject } from '../../../master/why/subject.ts';
import { why } from '../../../master/why/why.ts';
import type { AgentId, FrameworkId } from '../../../protocol/ids.ts';
import { taskFor } from '../../support/master-messages.ts';
import { MasterWorld } from '../../support/master-world.ts';

const needs = ['cpus:1;mem:2048;disk:1024', 'cpus:2;mem:4096;disk:2048', 'cpus:3;mem:6144;disk:3072'];
const sizes = ['cpus:2;mem:4096;disk:1024', 'cpus:3;mem:6144;disk:2048', 'cpus:4;mem:8192;disk:3072'];

/** Three nodes with a task each; the second has died, and its scheduler has declined what is left. */
function brokenCluster(): MasterWorld {
  const world = new MasterWorld();
  const placed: { framework: FrameworkId; agent: AgentId }[] = [];
  for (const [index, size] of sizes.entries()) {
    const agent = world.agent(size, { hostname: `n${index + 1}` });
    const framework = world.framework({
      name: `s${index + 1}`,
      failoverTimeout: 60,
      capabilities: ['PARTITION_AWARE'],
    });
    const own = world.offers(framework).find(({ agent_id }) => agent_id.value === agent);
    assert.ok(own);
    world.accept(framework, [own], [taskFor(own, `t${index + 1}`, needs[index] ?? '')], 0);
    world.update(agent, framework, `t${index + 1}`, 'TASK_RUNNING');
    const rest = [...world.known(framework).offers].map((value) => ({ value }));
    world.call(framework, { type: 'DECLINE', decline: { offer_ids: rest, filters: { refuse_seconds: 0 } } });
    world.call(framework, { type: 'SUPPRESS' });
    placed.push({ framework, agent });
  }
  const [, second] = placed;
  assert.ok(second);
  world.now += 10_000;
  markUnreachable(world.state, second.agent, world.now);
  world.call(second.framework, { type: 'REVIVE' });
  const offer_ids = world.offers(second.framework).map(({ id }) => id);
  world.call(second.framework, { type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds: 5 } } });
  world.now += 1_000;
  return world;
}

function ask(world: MasterWorld, given: string): string {
  const found = findSubject(world.state, given, ['task', 'framework', 'role']);
  assert.ok('subject' in found);
  return whyText(why(world.state, found.subject, undefined, world.now));
}

const placement = `s2 (M-0001) is active since 11 s; 0 tasks, 1 unreachable.
It waits for 2 cpus, 4096 MB mem, 2048 MB disk, as much as the task had that it lost: t2.

Role *: it has nothing (0 % of the cluster).
  Its offers so far: 1 accepted, 3 declined; the last was made 1 s ago.
  Declined 2 offers since it began to wait, the last 1 s ago for 5 s: largest had 1 cpus, 2048 MB mem.
  Of 2 agents: 2 have too little free.
  HOST  FREE                          LACKS                              WHY
  n3    1 cpus, 2048 MB mem, no disk  1 cpus, 2048 MB mem, 2048 MB disk  too little free; task t3 of s3 holds 3 cpus, 6144 MB mem, 3072 MB disk
  n1    1 cpus, 2048 MB mem, no disk  1 cpus, 2048 MB mem, 2048 MB disk  too small even when empty: 2 cpus, 4096 MB mem, 1024 MB disk; task t1 of s1 holds 1 cpus, 2048 MB mem, 1024 MB disk

Who holds most:
  FRAMEWORK  ID      ROLE  SHARE  HOLDS                              UNANSWERED
  s3         M-0002  *     75 %   3 cpus, 6144 MB mem, 3072 MB disk
  s1         M-0000  *     25 %   1 cpus, 2048 MB mem, 1024 MB disk

What would help, the smallest change first:
  - n2 (M-S1), away for 1 s, comes back
  - task t3 of s3 (3 cpus, 6144 MB mem, 3072 MB disk) on n3 (M-S2) ends
  - another agent with 2 cpus, 4096 MB mem, 2048 MB disk free
`;

describe('three nodes of which the second died', () => {
  test('its framework is told what is missing, who holds it and what would help', () => {
    assert.equal(ask(brokenCluster(), 's2'), placement);
  });

  test('its task is told how it was lost, too', () => {
    assert.equal(
      ask(brokenCluster(), 't2'),
      `t2 of s2 (M-0001), role *, with 2 cpus, 4096 MB mem, 2048 MB disk: is unreachable on n2 (M-S1), which is unreachable since 1 s.
  running, 11 s ago
  unreachable, 1 s ago (REASON_AGENT_REMOVED: health check timed out)
  It waits for its agent to come back, which may go on with it; it is given up in 11 d.

${placement}`,
    );
  });

  test('its role is told of all who are in it, those who ask first', () => {
    const text = ask(brokenCluster(), '*');
    assert.match(
      text,
      /^Role \*, weight 1: it has 4 cpus, 8192 MB mem, 4096 MB disk \(100 % of the disk\); 3 frameworks\.\n\ns2/,
    );
    assert.match(text, /\ns1 \(M-0000\) is active\.\nRole \*: it has 1 cpus.*, and asked for no more \(SUPPRESS\)\.\n/);
    assert.match(text, /\n {2}- s2: task t3 of s3 .* ends\n/);
  });
});

test('every advice has a sentence', () => {
  const agent = { agent_id: 'S0', hostname: 'n0' };
  const web = { framework_id: 'F', framework: 'web' };
  const amounts = { cpus: 0.5 };
  const task = { ...web, role: '*', kind: 'TASK' as const, id: 't', amounts };
  const all: Record<string, Advice> = {
    'nothing: n0 (S0) comes with the next allocation': { kind: 'WAIT_FOR_ALLOCATION', agent },
    'it sits on 2 offers, the oldest made 10 s ago: it should accept or decline': {
      kind: 'ANSWER_OFFERS',
      offers: 2,
      since: 90,
    },
    'it sits on 1 offer, the oldest made 10 s ago: it should accept or decline (rescinded in 20 s)': {
      kind: 'ANSWER_OFFERS',
      offers: 1,
      since: 90,
      rescinded_at: 120,
    },
    'its filter on n0 (S0) ends in 4 s': { kind: 'WAIT_FOR_FILTER', agent, until: 103.2 },
    'web (F) comes first on n0 (S0), of 3 before it: it is offered what they decline': {
      kind: 'WAIT_FOR_TURN',
      agent,
      before: web,
      ahead: 3,
    },
    'it revives role a (REVIVE): that ends filters and suppression': { kind: 'REVIVE', role: 'a' },
    'it subscribes again; it is removed in 50 s': { kind: 'RECONNECT', removed_at: 150 },
    'web (F) sits on an offer of 0.5 cpus on n0 (S0) for 60 s: --offer_timeout of the master would take such offers back':
      {
        kind: 'WAIT_FOR_OFFER',
        holder: web,
        agent,
        amounts,
        since: 40,
      },
    'web (F) sits on an offer of 0.5 cpus on n0 (S0) for 60 s: rescinded in 5 s': {
      kind: 'WAIT_FOR_OFFER',
      holder: web,
      agent,
      amounts,
      since: 40,
      until: 105,
    },
    'n0 (S0) is deactivated: `mesita reactivate`': { kind: 'REACTIVATE_AGENT', agent, because: 'DEACTIVATED' },
    'n0 (S0) is being drained: `mesita reactivate` when that is over': {
      kind: 'REACTIVATE_AGENT',
      agent,
      because: 'DRAINING',
    },
    'n0 (S0), away for 10 s, comes back; it is unreachable in 65 s': {
      kind: 'RECONNECT_AGENT',
      agent,
      since: 90,
      until: 165,
    },
    'the limit of role a is raised by 0.5 cpus, or tasks in it end': { kind: 'RAISE_LIMIT', role: 'a', amounts },
    'the limit of role a is raised, or tasks in it end': { kind: 'RAISE_LIMIT', role: 'a', amounts: {} },
    'role a takes what its guarantee lacks (0.5 cpus), or the guarantee is lowered': {
      kind: 'LOWER_GUARANTEE',
      role: 'a',
      amounts,
    },
    'its offer constraints let n0 (S0) in': { kind: 'RELAX_CONSTRAINTS', agent },
    'it takes agents with GPUs such as n0 (S0) (capability GPU_RESOURCES)': { kind: 'TAKE_GPUS', agent },
    'it takes agents of other regions such as n0 (S0) (capability REGION_AWARE)': { kind: 'TAKE_REGIONS', agent },
    'it asks for 0.5 cpus less: 4 cpus, 512 MB mem would go to n0 (S0)': {
      kind: 'ASK_FOR_LESS',
      agent,
      less: amounts,
      largest: { mem: 512, cpus: 4 },
    },
    'task t of web (0.5 cpus) on n0 (S0) ends': { kind: 'WAIT_FOR_TASKS', agent, tasks: [task] },
    'another agent with 0.5 cpus free': { kind: 'ADD_AGENT', amounts },
  };
  for (const [sentence, advice] of Object.entries(all))
    assert.equal(adviceLines([advice], 100).at(-1), `  - ${sentence}`);
  assert.deepEqual(adviceLines([], 100), []);
});

test('every wait of a task has a sentence', () => {
  const answer: TaskAnswer = {
    subject: 'task',
    at: 100,
    framework_id: 'F',
    framework: 'web',
    task_id: 't',
    name: 't',
    role: '*',
    place: 'ACTIVE',
    state: 'TASK_RUNNING',
    amounts: { cpus: 1 },
    history: [{ state: 'TASK_RUNNING', at: 60, healthy: false }],
    waits: [],
  };
  const all: Record<string, TaskWait> = {
    'It waits for its agent, which has said nothing of it yet.': { kind: 'AGENT_START' },
    'It waits for its agent to come back, which may go on with it; it is given up in 75 s.': {
      kind: 'AGENT_BACK',
      since: 100,
      until: 175,
    },
    'It waits for its framework to acknowledge finished, made 40 s ago.': {
      kind: 'ACKNOWLEDGEMENT',
      of: 'TASK_FINISHED',
      since: 60,
    },
    'Its framework is away since 10 s; it is killed in 50 s unless that comes back.': {
      kind: 'FRAMEWORK_BACK',
      since: 90,
      until: 150,
    },
    'It was asked to be killed.': { kind: 'KILL', because: 'CALL' },
    'Its agent is being drained: it is killed.': { kind: 'KILL', because: 'DRAIN' },
  };
  for (const [sentence, wait] of Object.entries(all)) {
    assert.equal(
      whyText({ ...answer, waits: [wait] }),
      `t of web (F), role *, with 1 cpus: is running.\n  running, 40 s ago, unhealthy\n  ${sentence}\n`,
    );
  }
});
