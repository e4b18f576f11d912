import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { insideCommand, readInside } from '../../../../agent/checks/inside-probe.ts';
import type { CheckTarget } from '../../../../runtime/checks/check-plan.ts';
import type { ProbeResult } from '../../../../runtime/checks/verdict.ts';

/** Where the machine that the tests run on has a program. */
function programAt(name: string): string | undefined {
  return ['/usr/bin', '/bin', '/usr/local/bin'].map((directory) => join(directory, name)).find(existsSync);
}

/** Runs a check's command on this machine, as if it were a container with these programs beside its shell. */
async function within(
  t: TestContext,
  programs: readonly string[],
  target: Exclude<CheckTarget, { type: 'COMMAND' }>,
): Promise<ProbeResult | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'mesita-inside-'));
  t.after(() => rm(directory, { recursive: true }));
  for (const name of programs) await symlink(programAt(name) ?? '/nowhere', join(directory, name));
  const [, ...words] = insideCommand(target);
  const env = { PATH: directory };
  const result = await new Promise<{ exitCode: number; output: string }>((resolve) => {
    execFile('/bin/sh', words, { env }, (error, stdout, stderr) =>
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr }),
    );
  });
  return readInside(target, result);
}

async function listening(t: TestContext, server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const http = (port: number, path: string) => ({ type: 'HTTP', scheme: 'http', family: 4, port, path }) as const;

async function serving(t: TestContext): Promise<number> {
  const server = createServer(({ url }, reply) => {
    if (url === '/old') reply.writeHead(302, { location: '/gone' }).end();
    else reply.writeHead(url === '/up' ? 200 : 404).end('content');
  });
  t.after(() => server.closeAllConnections());
  return listening(t, server, '127.0.0.1');
}

describe('an HTTP check from within a container', () => {
  for (const programs of [['curl'], ['wget', 'sed', 'tail', 'grep'], ['bash']]) {
    const missing = programs.find((name) => programAt(name) === undefined);
    const skip = missing === undefined ? false : `this machine has no ${missing}`;
    test(`reads the status with ${programs[0]}`, { skip }, async (t) => {
      const port = await serving(t);
      assert.deepEqual(await within(t, programs, http(port, '/up')), { type: 'HTTP', statusCode: 200 });
      assert.deepEqual(await within(t, programs, http(port, '/gone?a=b&c')), { type: 'HTTP', statusCode: 404 });
      const last = programs[0] === 'bash' ? 302 : 404;
      assert.deepEqual(await within(t, programs, http(port, '/old')), { type: 'HTTP', statusCode: last });
    });

    test(`fails with ${programs[0]} where nothing listens`, { skip }, async (t) => {
      const server = createTcpServer();
      const port = await listening(t, server, '127.0.0.1');
      await new Promise((resolve) => server.close(resolve));
      assert.equal((await within(t, programs, http(port, '/up')))?.type, 'FAILED');
    });
  }

  test('cannot be made without such a program', async (t) => {
    assert.equal(await within(t, [], http(80, '/')), undefined);
    assert.equal(await within(t, ['bash'], { ...http(443, '/'), scheme: 'https' }), undefined);
  });
});

describe('a TCP check from within a container', () => {
  const socketOn = async (t: TestContext, host: string, family: 4 | 6): Promise<ProbeResult | undefined> => {
    const port = await listening(t, createTcpServer(), host);
    return within(t, ['grep'], { type: 'TCP', family, port });
  };

  test('finds what listens on the loopback or on all addresses', async (t) => {
    const found = { type: 'TCP', succeeded: true };
    assert.deepEqual(await socketOn(t, '127.0.0.1', 4), found);
    assert.deepEqual(await socketOn(t, '0.0.0.0', 4), found);
    assert.deepEqual(await socketOn(t, '::', 4), found);
    assert.deepEqual(await socketOn(t, '::', 6), found);
    assert.deepEqual(await socketOn(t, '::1', 6), found);
  });

  test('finds nothing where nothing listens, or on another address only', async (t) => {
    const nothing = { type: 'TCP', succeeded: false };
    assert.deepEqual(await within(t, ['grep'], { type: 'TCP', family: 4, port: 1 }), nothing);
    assert.deepEqual(await socketOn(t, '127.0.0.2', 4), nothing);
    assert.deepEqual(await socketOn(t, '::1', 4), nothing);
    assert.deepEqual(await socketOn(t, '127.0.0.1', 6), nothing);
  });

  test('cannot be made without grep', async (t) => {
    assert.equal(await within(t, [], { type: 'TCP', family: 4, port: 1 }), undefined);
  });
});

test('an image without a shell cannot tell', () => {
  const result = { exitCode: 126, output: 'exec: "sh": executable file not found in $PATH' };
  assert.equal(readInside(http(80, '/'), result), undefined);
});
