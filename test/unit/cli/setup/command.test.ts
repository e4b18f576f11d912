import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCommand } from '../../../../cli/setup/command.ts';

describe('a command', () => {
  it('yields its code, output and errors', async () => {
    const result = await runCommand('sh', ['-c', 'echo out; echo err >&2; exit 3']);
    assert.deepEqual(result, { code: 3, stdout: 'out\n', stderr: 'err\n', timedOut: false });
  });

  it('that is not there yields code 127', async () => {
    assert.equal((await runCommand('/nowhere/command', [])).code, 127);
  });

  it('tells its lines as they come, and each state of a progress bar', async () => {
    const lines: string[] = [];
    await runCommand('printf', ['10%%\\r50%%\\r100%%\\ndone\\n'], { onLine: (line) => lines.push(line) });
    assert.deepEqual(lines, ['10%', '50%', '100%', 'done']);
  });

  it('ends with all that it started when it takes too long', async () => {
    // The grandchild holds the output open, so this would not resolve if it lived on.
    const result = await runCommand('sh', ['-c', 'sleep 1000 & wait'], { timeout: 300 });
    assert.equal(result.timedOut, true);
  });

  it('ends when it says nothing in time, and goes on when it has said something', async () => {
    assert.equal((await runCommand('sleep', ['1000'], { firstOutput: 100 })).timedOut, true);
    const talking = await runCommand('sh', ['-c', 'echo here; sleep 0.6'], { firstOutput: 500 });
    assert.equal(talking.timedOut, false);
  });

  it('rejects with the reason when it is aborted, once it has ended', async () => {
    const controller = new AbortController();
    const running = runCommand('sleep', ['1000'], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(running, /enough/);
    await assert.rejects(runCommand('true', [], { signal: controller.signal }), /enough/);
  });

  it('that must not be cut short is waited for', async () => {
    const controller = new AbortController();
    const lines: string[] = [];
    const running = runCommand('sh', ['-c', 'trap "" INT; echo begun; sleep 0.5; echo finished'], {
      signal: controller.signal,
      finishOnAbort: true,
      onLine: (line) => {
        lines.push(line);
        controller.abort(new Error('enough'));
      },
    });
    await assert.rejects(running, /enough/);
    assert.deepEqual(lines, ['begun', 'finished']);
  });
});
