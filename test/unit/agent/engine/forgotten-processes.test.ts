import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { endForgotten } from '../../../../agent/engine/forgotten-processes.ts';

const id = 'c0ffee'.repeat(10).padEnd(64, '0');

test('processes in control groups of the container are ended, and no others', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mesita-proc-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const processes = {
    1: '0::/init.scope\n',
    20: `12:pids:/docker/${id}\n1:name=systemd:/docker/${id}\n`,
    21: `0::/system.slice/docker-${id}.scope\n`,
    22: `0::/system.slice/docker-${id.replace('c0ffee', 'decade')}.scope\n`,
    23: undefined,
    self: `0::/docker/${id}\n`,
  };
  for (const [name, groups] of Object.entries(processes)) {
    mkdirSync(join(directory, name));
    if (groups !== undefined) writeFileSync(join(directory, name, 'cgroup'), groups);
  }
  const killed: number[] = [];
  assert.equal(await endForgotten(id, { directory, kill: (pid) => killed.push(pid) }), 2);
  assert.deepEqual(killed, [20, 21]);
});

test('where there are none, nothing happens', async () => {
  assert.equal(await endForgotten(id), 0);
});
