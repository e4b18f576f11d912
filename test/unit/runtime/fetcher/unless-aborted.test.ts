import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unlessAborted } from '../../../../runtime/fetcher/unless-aborted.ts';

test('a failure that comes after the wait was given up, or was never begun, is nobody’s to hear', async () => {
  for (const abortsFirst of [true, false]) {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = new AbortController();
    if (abortsFirst) abort.abort(new Error('killed'));
    const waiting = assert.rejects(unlessAborted(promise, abort.signal), /killed/);
    abort.abort(new Error('killed'));
    await waiting;
    // The test fails on a rejection that nobody handles.
    reject(new Error('the download failed'));
    await new Promise(setImmediate);
  }
});

test('what the promise resolves to, or fails with, comes through', async () => {
  const { signal } = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve(1), signal), 1);
  await assert.rejects(unlessAborted(Promise.reject(new Error('broken')), signal), /broken/);
});
