import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';

const log = resolve(import.meta.dirname, '../../../runtime/log.ts');

function written(format: 'text' | 'json', level: string): string[] {
  const program = `
    import { createLog } from ${JSON.stringify(log)};
    const log = createLog({ level: '${level}', format: '${format}', name: 'agent' });
    log.info({ task: 't1', count: 2 }, 'task launched');
    log.warn('careful');`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(stdout, '', 'standard output is for data');
  return stderr.trimEnd().split('\n');
}

test('the log writes lines for people on standard error', () => {
  const [first, second] = written('text', 'info');
  assert.match(first ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}agent: task launched task=t1 count=2$/);
  assert.match(second ?? '', /Z WARN {2}agent: careful$/);
});

test('the log writes JSON for collectors, and leaves out what is below its level', () => {
  const lines = written('json', 'warn').map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ level, msg, daemon }) => [level, msg, daemon]),
    [[40, 'careful', 'agent']],
  );
});

test('with a file, a quiet log is quiet on standard error alone', () => {
  const program = `
    import { createLog } from ${JSON.stringify(log)};
    const file = { write: (line) => process.stdout.write(line) };
    const log = createLog({ level: 'info', format: 'text', name: 'agent', quiet: true, file });
    log.debug('unsaid');
    log.info('told');
    log.warn('careful');
    log.level = 'debug';
    log.debug('now said');`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  const messages = (text: string) => [...text.matchAll(/agent: (.*)/g)].map(([, message]) => message);
  assert.deepEqual(messages(stdout), ['told', 'careful', 'now said']);
  assert.deepEqual(messages(stderr), ['careful']);
});
