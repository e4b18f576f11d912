import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countEvent, countNews } from '../../../master/metrics.ts';
import { metricsSnapshot } from '../../../master/metrics-snapshot.ts';
import { bytesOf, isExchange, readRecording } from '../../conformance/recording.ts';
import { taskFor } from '../../support/master-messages.ts';
import { MasterWorld } from '../../support/master-world.ts';
import { RecordedCluster, recordedMaster } from './operator/recorded-cluster.ts';

function recordedSnapshot(moment: string): Record<string, number> {
  const name = `legacy:GET /metrics/snapshot [${moment}]`;
  const found = readRecording('d_master_legacy').find((line) => isExchange(line) && line.name === name);
  if (found === undefined || !isExchange(found)) throw new Error(`no ${name} was recorded`);
  return JSON.parse(bytesOf(found.response.body).toString().replaceAll(recordedMaster, 'M'));
}

/** Does what the performer does to the metrics. */
function perform({ world }: { world: MasterWorld }): void {
  for (const effect of world.take()) {
    if (effect.kind === 'announce') countNews(world.state, effect.news);
    if (effect.kind === 'sendEvent') countEvent(world.known(effect.framework), effect.event);
  }
}

/** Its own registry, memory and queues: nothing of the kind is here, or it is called otherwise. See docs/compatibility.md. */
const notHere = /^registrar\//;
/** What depends on the machine, the moment, and on how often somebody asked. */
const changing = /^system\/|_ms(\/|$)|uptime|event_queue|allocation_runs|subscribers|messages_update_slave/;

describe('of the same cluster, the metrics are those of a real master', () => {
  const cluster = new RecordedCluster();
  cluster.subscribe();
  cluster.launch();
  cluster.update();
  perform(cluster);
  const { state, now } = cluster.world;
  state.metrics.allocationRun.record(1);
  state.metrics.allocationRun.record(2);
  state.metrics.allocationLatency.record(1);
  state.metrics.allocationLatency.record(2);
  state.reign = { cluster: 'C', epoch: 1 };
  const own = metricsSnapshot(state, now);
  const recorded = recordedSnapshot('tasks running');

  test('every name is there', () => {
    const missing = Object.keys(recorded).filter((name) => !(name in own) && !notHere.test(name));
    assert.deepEqual(missing, []);
  });

  test('every value is the same', () => {
    const different = Object.entries(recorded)
      .filter(([name]) => name in own && !changing.test(name))
      .filter(([name, value]) => own[name] !== value)
      .map(([name, value]) => `${name}: ${own[name]}, recorded ${value}`);
    assert.deepEqual(different, []);
  });

  test('what agents have is told of a master without agents too', () => {
    const { state, now } = new MasterWorld();
    const own = metricsSnapshot(state, now);
    const totals = Object.keys(own).filter((name) => name.startsWith('allocator/mesos/resources/'));
    const empty = recordedSnapshot('after teardown');
    assert.deepEqual(
      totals,
      Object.keys(empty).filter((name) => name.startsWith('allocator/mesos/resources/')),
    );
    assert.ok(totals.every((name) => own[name] === 0));
  });

  test('names are sorted', () => {
    assert.deepEqual(Object.keys(own), Object.keys(own).sort());
  });
});

describe('what ends is counted once, by state, source and reason', () => {
  function value(world: MasterWorld, name: string): number | undefined {
    perform({ world });
    return metricsSnapshot(world.state, world.now)[name];
  }

  test('a task that was refused', () => {
    const world = new MasterWorld();
    const framework = world.framework();
    world.agent('cpus:1;mem:64');
    const offer = world.offer(framework);
    world.accept(framework, [offer], [taskFor(offer, 't', 'cpus:100;mem:64')]);
    assert.equal(value(world, 'master/tasks_error'), 1);
    assert.equal(value(world, 'master/task_error/source_master/reason_task_invalid'), 1);
  });

  test('a task whose end its agent repeats', () => {
    const world = new MasterWorld();
    const framework = world.framework();
    const agent = world.agent('cpus:1;mem:64');
    world.launch(framework, 't');
    const uuid = world.update(agent, framework, 't', 'TASK_FAILED');
    world.update(agent, framework, 't', 'TASK_FAILED', uuid);
    assert.equal(value(world, 'master/tasks_failed'), 1);
    assert.equal(value(world, `master/frameworks/tester/${framework}/tasks/terminal/task_failed`), 1);
    assert.equal(value(world, 'master/slave_registrations'), 1);
  });
});
