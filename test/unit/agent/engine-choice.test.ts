import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Containerizer, chooseEngine } from '../../../agent/engine-choice.ts';
import { MesitaError } from '../../../protocol/errors.ts';
import { silentLog } from '../../../runtime/log.ts';
import { FakeEngine } from '../../support/fake-engine.ts';
import { settle, VirtualClock } from '../../support/virtual-clock.ts';

const away = () => new MesitaError('MESITA_ENGINE_UNREACHABLE', { message: 'away' });

function makeChoice(containerizers: Containerizer[], before: Containerizer | undefined) {
  const clock = new VirtualClock();
  const engines = { docker: new FakeEngine(), process: new FakeEngine() };
  const stop = new AbortController();
  const choice = {
    containerizers,
    before,
    open: { docker: () => engines.docker, process: () => engines.process },
    cpuQuota: true,
    clock,
    log: silentLog,
    signal: stop.signal,
  };
  return { clock, choice, stop, docker: engines.docker, process: engines.process };
}

describe('the engine of an agent', () => {
  test('is Docker, or host processes where it is not there and they may be', async () => {
    const { choice, docker } = makeChoice(['docker', 'process'], undefined);
    assert.equal((await chooseEngine(choice)).kind, 'docker');
    docker.failNext('connect', away());
    assert.equal((await chooseEngine(choice)).kind, 'process');
  });

  test('is not waited for where no earlier run left anything', async () => {
    const { choice, docker } = makeChoice(['docker'], undefined);
    docker.failNext('connect', away());
    await assert.rejects(chooseEngine(choice), { code: 'MESITA_ENGINE_UNREACHABLE' });
  });

  test('is waited for where it runs what an earlier run left', async () => {
    const { choice, clock, docker, process } = makeChoice(['docker', 'process'], 'docker');
    for (let times = 0; times < 3; times++) docker.failNext('connect', away());
    const chosen = chooseEngine(choice);
    for (let times = 0; times < 3; times++) {
      await settle();
      assert.equal(clock.pending, 1, 'it has given up, or was content');
      clock.advance(1000);
    }
    assert.equal((await chosen).kind, 'docker');
    assert.deepEqual(process.calls, [], 'host processes were looked at');
  });

  test('is waited for no longer when the agent is to stop', async () => {
    const { choice, docker, stop } = makeChoice(['docker'], 'docker');
    docker.failNext('connect', away());
    const chosen = chooseEngine(choice);
    stop.abort(new Error('SIGTERM'));
    await assert.rejects(chosen, /SIGTERM/);
  });

  test('is chosen anew where what ran before is not listed any more', async () => {
    const { choice } = makeChoice(['process'], 'docker');
    assert.equal((await chooseEngine(choice)).kind, 'process');
  });
});
