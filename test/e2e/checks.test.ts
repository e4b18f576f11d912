import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { CheckStatusInfo, ContainerInfoDockerInfoNetwork, TaskStatus } from '../../protocol/messages.ts';
import { Cluster } from '../support/cluster.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { testImage } from '../support/test-image.ts';
import { type TaskDraft, TestScheduler } from '../support/test-scheduler.ts';

// Milliseconds for all of it: nothing may hang.
const patience = 240_000;

const soon = { delay_seconds: 0, interval_seconds: 0.3 };
const strict = { ...soon, grace_period_seconds: 0, consecutive_failures: 2 };
const webServer = (address: string) => `mkdir www; echo up > www/index.html; exec httpd -f -p ${address} -h www`;

describe('checks', { timeout: patience }, () => {
  let cluster: Cluster;
  let scheduler: TestScheduler;

  before(async () => {
    cluster = await Cluster.start();
    scheduler = await TestScheduler.start(cluster.address, { capabilities: [{ type: 'TASK_KILLING_STATE' }] });
  });
  after(async () => {
    await scheduler?.close();
    await cluster?.close();
  });
  afterEach(() => cluster.settled());

  const updatesOf = (name: string): TaskStatus[] => scheduler.updates.filter(({ task_id }) => task_id.value === name);
  /** e.g. `RUNNING healthy`, `KILLED unhealthy`, `STARTING`. */
  const story = (name: string): string[] =>
    updatesOf(name).map(({ state, healthy }) => {
      const short = state.replace('TASK_', '');
      return healthy === undefined ? short : `${short} ${healthy ? 'healthy' : 'unhealthy'}`;
    });
  const healthy = (name: string) =>
    eventually(`${name} is healthy`, () => updatesOf(name).find((status) => status.healthy === true));

  async function launch(draft: TaskDraft, network?: ContainerInfoDockerInfoNetwork): Promise<void> {
    const container = { type: 'DOCKER', docker: { image: testImage, ...(network && { network }) } } as const;
    const kill_policy = { grace_period: { nanoseconds: 0 } };
    await scheduler.launch({ kill_policy, ...draft, ...(network && { container }) });
  }

  async function kill(name: string): Promise<void> {
    await scheduler.driver.kill(name);
    await scheduler.update(name, 'TASK_KILLED');
  }

  it('a COMMAND health check that fails has the task killed, after its grace, and says unhealthy', async () => {
    await launch({
      name: 'sick',
      command: { value: 'trap "" TERM; while :; do sleep 1; done' },
      kill_policy: { grace_period: { nanoseconds: 1e9 } },
      health_check: { type: 'COMMAND', command: { value: 'echo no good >&2; false' }, ...strict },
    });
    const status = await scheduler.update('sick', 'TASK_KILLED');
    assert.equal(status.message, 'Command terminated with signal Killed');
    const seen = ['STARTING', 'RUNNING', 'RUNNING unhealthy', 'RUNNING unhealthy', 'KILLING', 'KILLED unhealthy'];
    assert.deepEqual(story('sick'), seen);
  });

  it('a COMMAND health check runs where its task does, and sees it recover', async () => {
    await launch({
      name: 'patient',
      command: { value: 'touch well; sleep 1; rm well; sleep 2; touch well; sleep 1000' },
      health_check: { type: 'COMMAND', command: { value: 'test -e well' }, ...strict, consecutive_failures: 1000 },
    });
    await eventually(
      'it was healthy twice',
      () => story('patient').filter((one) => one === 'RUNNING healthy').length > 1,
    );
    assert.ok(story('patient').includes('RUNNING unhealthy'));
    await kill('patient');
    assert.deepEqual(story('patient').slice(-2), ['KILLING', 'KILLED']);
  });

  it('a command that hangs is given up and leaves no process', async () => {
    await launch({
      name: 'hanging',
      command: { value: 'sleep 1000' },
      health_check: {
        type: 'COMMAND',
        command: { value: 'sleep 777; true' },
        ...strict,
        timeout_seconds: 0.3,
        consecutive_failures: 1000,
      },
    });
    await eventually('it failed twice', () => story('hanging').filter((one) => one === 'RUNNING unhealthy').length > 1);
    const top = await docker('top', await cluster.containerOf('hanging'), '-eo', 'pid,args');
    assert.ok((top.match(/\bsleep 777$/gm) ?? []).length <= 1, top);
    await kill('hanging');
  });

  it('an HTTP health check reaches a server on the bridge', async () => {
    const health_check = { type: 'HTTP', http: { port: 8080, path: '/index.html' }, ...soon } as const;
    await launch({ name: 'web', command: { value: webServer('8080') }, health_check }, 'BRIDGE');
    await healthy('web');
    await kill('web');
  });

  it('a server on the bridge that answers 404 is unhealthy', async () => {
    const health_check = {
      type: 'HTTP',
      http: { port: 8080, path: '/nowhere' },
      ...strict,
      grace_period_seconds: 2,
    } as const;
    await launch({ name: 'lost', command: { value: webServer('8080') }, health_check }, 'BRIDGE');
    const status = await scheduler.update('lost', 'TASK_KILLED');
    assert.equal(status.healthy, false);
  });

  for (const network of ['BRIDGE', 'NONE'] as const) {
    it(`HTTP and TCP checks reach a server that listens on the loopback of network ${network}`, async () => {
      const name = `inner-${network.toLowerCase()}`;
      const draft = {
        name,
        command: { value: webServer('127.0.0.1:8080') },
        health_check: { type: 'HTTP', http: { port: 8080, path: '/index.html' }, ...soon },
        check: { type: 'TCP', tcp: { port: 8080 }, ...soon },
      } as const;
      await launch(draft, network);
      await healthy(name);
      await eventually('its check succeeded', () => updatesOf(name).find((one) => one.check_status?.tcp?.succeeded));
      await kill(name);
    });
  }

  it('a TCP health check reaches a server on the host’s network', async () => {
    const port = 20_000 + (process.pid % 10_000);
    const health_check = { type: 'TCP', tcp: { port }, ...soon } as const;
    await launch({ name: 'socket', command: { value: webServer(`127.0.0.1:${port}`) }, health_check });
    await healthy('socket');
    await kill('socket');
  });

  it('a check reports its exit codes as they change, and nothing before and after', async () => {
    const value = 'n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n; exit $((n%3))';
    const check = { type: 'COMMAND', command: { command: { value } }, ...soon } as const;
    await launch({ name: 'checked', command: { value: 'until [ "$(cat n)" = 4 ]; do sleep 0.1; done' }, check });
    await scheduler.update('checked', 'TASK_FINISHED');
    const said = updatesOf('checked').map(({ state, check_status }) => [state, codeOf(check_status)]);
    const running = (...codes: number[]) => codes.map((code) => ['TASK_RUNNING', code]);
    const [starting, first, ...rest] = said;
    assert.deepEqual(
      [starting, first],
      [
        ['TASK_STARTING', undefined],
        ['TASK_RUNNING', undefined],
      ],
    );
    assert.deepEqual(rest.pop(), ['TASK_FINISHED', undefined]);
    assert.deepEqual(rest.slice(0, 3), running(1, 2, 0));
    assert.ok(updatesOf('checked').every(({ check_status }) => check_status?.type === 'COMMAND'));
  });
});

function codeOf(status: CheckStatusInfo | undefined): number | undefined {
  return status?.command?.exit_code;
}
