// A process with an engine of its own, to be killed: see ProcessRoom.agentThatRuns.
import { PassThrough } from 'node:stream';
import { ProcessEngine } from '../../agent/engine/process-engine.ts';
import { exitOf, never, specOf } from './process-room.ts';

interface Given {
  state: string;
  directory: string;
  scope: Record<string, string>;
  awaited: string;
  containers: Record<string, string>;
  /** Commands that are talked with, by the container that they run beside. */
  sessions?: Record<string, string>;
}

const given = JSON.parse(process.argv[2] ?? '') as Given;
const engine = new ProcessEngine({ directory: given.state, scope: given.scope });
await engine.connect(never);
const over = exitOf(engine, given.awaited);
for (const [name, script] of Object.entries(given.containers)) {
  await engine.create(specOf(name, script, given.directory));
  await engine.start(name);
}
for (const [name, script] of Object.entries(given.sessions ?? {})) {
  const nothing = () => new PassThrough().resume();
  const sinks = { stdout: nothing(), stderr: nothing() };
  await engine.openSession(name, ['/bin/sh', '-c', script], sinks, { environment: {} });
}
await over;
console.log('ready');
setInterval(() => undefined, 1000);
