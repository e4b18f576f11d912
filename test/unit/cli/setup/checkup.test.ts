import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EngineFacts, examine, type MachineFacts } from '../../../../cli/setup/checkup.ts';

const gigabyte = 2 ** 30;
const engine: EngineFacts = {
  version: '27.0.1',
  apiVersion: '1.46',
  system: 'Debian GNU/Linux 12',
  cgroupVersion: '2',
  memoryLimit: true,
  cpuQuota: true,
  pidsLimit: true,
  enforcedMemory: { asked: 1024, seen: 1024 },
  memory: 8 * gigabyte,
  clockSkew: 12,
};
const sound: MachineFacts = {
  nodeVersion: 'v24.0.0',
  engine,
  compose: 'docker compose 2.29.0',
  ports: [{ port: 5050, use: 'the master', holder: 'nobody' }],
  disks: [{ what: 'sandboxes', path: '/var/lib/mesita', free: 50 * gigabyte }],
  imagesAreCurrent: true,
};

/** The findings that are not ok, as `check: verdict`. */
function complaints(facts: MachineFacts): string[] {
  const bad = examine(facts).filter(({ verdict }) => verdict !== 'ok');
  for (const finding of bad) assert.ok(finding.remedy, `${finding.check} has no remedy`);
  return bad.map(({ check, verdict }) => `${check}: ${verdict}`);
}

describe('the doctor', () => {
  it('finds nothing wrong with a sound machine', () => {
    assert.deepEqual(complaints(sound), []);
    assert.equal(examine(sound).length, 11);
  });

  it('says that no engine answers and keeps quiet about what only an engine could tell', () => {
    const { engine: _engine, ...rest } = sound;
    const facts = {
      ...rest,
      noEngine: { reason: 'none', remedy: 'install one' },
      compose: undefined,
      imagesAreCurrent: undefined,
    };
    assert.deepEqual(complaints(facts), ['engine: problem']);
  });

  it('minds an API that is too old, comparing numbers and not text', () => {
    assert.deepEqual(complaints({ ...sound, engine: { ...engine, apiVersion: '1.39' } }), ['api: problem']);
    assert.deepEqual(complaints({ ...sound, engine: { ...engine, apiVersion: '1.100' } }), []);
  });

  it('minds limits that the kernel does not have or the engine does not set', () => {
    assert.deepEqual(complaints({ ...sound, engine: { ...engine, cpuQuota: false } }), ['cgroups: problem']);
    const unlimited = { ...engine, enforcedMemory: { asked: 1024, seen: 2 ** 60 } };
    assert.deepEqual(complaints({ ...sound, engine: unlimited }), ['limits: problem']);
  });

  it('minds clocks that differ, either way', () => {
    assert.deepEqual(complaints({ ...sound, engine: { ...engine, clockSkew: -5_000 } }), ['clock: warning']);
    assert.deepEqual(complaints({ ...sound, engine: { ...engine, clockSkew: 60_000 } }), ['clock: problem']);
  });

  it('warns of a port that another process holds, and not of one that mesita holds', () => {
    const port = { port: 5050, use: 'the master' };
    assert.deepEqual(complaints({ ...sound, ports: [{ ...port, holder: 'mesita' }] }), []);
    assert.deepEqual(complaints({ ...sound, ports: [{ ...port, holder: 'another process' }] }), ['port 5050: warning']);
  });

  it('warns of a disk that fills and objects to a full one', () => {
    const disk = { what: 'sandboxes', path: '/var/lib/mesita' };
    assert.deepEqual(complaints({ ...sound, disks: [{ ...disk, free: 3 * gigabyte }] }), ['disk: sandboxes: warning']);
    assert.deepEqual(complaints({ ...sound, disks: [{ ...disk, free: 2 ** 20 }] }), ['disk: sandboxes: problem']);
  });
});
