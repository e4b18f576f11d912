import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Performer } from '../../../master/performer.ts';
import { MemoryRegistry } from '../../../master/registry/memory-registry.ts';
import { Registrar } from '../../../master/registry/registrar.ts';
import { silentLog } from '../../../runtime/log.ts';
import { MasterWorld } from '../../support/master-world.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

test('an allocation that fails does not keep the next one from being made', () => {
  const world = new MasterWorld();
  const clock = new VirtualClock();
  const performer = performerOf(world, clock);
  world.framework();
  world.agent('cpus:1;mem:64');
  const { allocator } = world.state;
  const allocate = allocator.allocate.bind(allocator);
  allocator.allocate = () => {
    throw new Error('a bug');
  };
  performer.perform([{ kind: 'allocateSoon' }]);
  assert.throws(() => clock.advance(0), /a bug/);
  allocator.allocate = allocate;
  performer.perform([{ kind: 'allocateSoon' }]);
  clock.advance(0);
  assert.equal(world.state.offers.size, 1);
});

function performerOf({ state }: MasterWorld, clock: VirtualClock): Performer {
  const giveUp = (error: Error) => assert.fail(error);
  return new Performer({
    state,
    clock,
    random: () => 0,
    log: silentLog,
    registrar: new Registrar({
      store: new MemoryRegistry(),
      clock,
      metrics: state.metrics,
      storeTimeout: 20,
      fetchTimeout: 60,
      onLoss: giveUp,
    }),
    giveUp,
    announce: () => undefined,
    allocationInterval: 1,
    allocationSlice: Number.POSITIVE_INFINITY,
    pingInterval: 15,
    heartbeatInterval: 15,
    registryGcInterval: 900,
  });
}
