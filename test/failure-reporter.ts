import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** The failed tests alone, with what was wrong: a run prints them at its end, where they are looked for. */
// biome-ignore lint/style/noDefaultExport: Node's test runner asks for it
export default async function* failures(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:fail') continue;
    const { name, file, line, todo, details } = event.data;
    const isAbove = 'failureType' in details.error && details.error.failureType === 'subtestsFailed';
    if (isAbove || todo !== undefined) continue;
    const place = file === undefined ? '' : ` (${relative(process.cwd(), file)}:${line ?? 1})`;
    yield `✖ ${name}${place}\n${inspect(details.error.cause ?? details.error)}\n`;
  }
}
