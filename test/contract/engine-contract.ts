import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerSpec, Engine, EngineEvent, EngineFacts, Network } from '../../agent/engine/engine.ts';
import type { SessionOptions } from '../../agent/engine/session.ts';
import { MesitaError } from '../../protocol/errors.ts';
import { eventually } from '../support/eventually.ts';

/** What a container of a scenario does, in words that a real engine (as a shell script) and a fake one understand. */
export interface Behaviour {
  stdout?: string;
  stderr?: string;
  /** Ends with this code; without it, runs until it is told to end. */
  exit?: number;
  ignoresTerm?: boolean;
}

/** The label that carries a behaviour to an engine that runs no scripts. */
export const behaviourLabel = 'mesita.test.behaviour';
/** The variable that carries the behaviour of a command to run in a container. */
export const behaviourVariable = 'MESITA_TEST_BEHAVIOUR';

/**
 * What an engine under test can do, apart from what every one must.
 * `sessions`: commands can be talked with. `kernel`: runs real processes. `isolation`: in containers, with an image, files and limits of their own. `images`: has images.
 * `network`: has networks and addresses. `foreign`: `foreignContainer` makes a container outside of any scope.
 * `connection`: talks to the engine over one that can break. `host`: runs them as processes of this very machine, and refuses what
 * those cannot have.
 */
export type Capability = 'sessions' | 'kernel' | 'isolation' | 'images' | 'network' | 'foreign' | 'connection' | 'host';

export interface EngineHarness {
  capabilities: ReadonlySet<Capability>;
  image: string;
  /** A name that no registry knows. */
  unknownImage: string;
  /** Of containers that ask for nothing special; by default none. */
  network?: Network;
  /** A new engine on the same machine, not connected. */
  engine(scope: Record<string, string>): Engine;
  /** Cuts the connections of `engine`s and refuses new ones until `restore`. */
  breakConnections(): Promise<void>;
  restoreConnections(): Promise<void>;
  /** Makes a running container that no agent made; resolves with the function that removes it and says whether it still ran. */
  foreignContainer?(): Promise<{ name: string; remove: () => Promise<boolean> }>;
  /** Makes a network; resolves with its name and the function that removes it. */
  userNetwork?(): Promise<{ name: string; remove: () => Promise<void> }>;
  close(): Promise<void>;
}

class Scene {
  readonly engine: Engine;
  facts: EngineFacts | undefined;
  readonly events: EngineEvent[] = [];
  private readonly image: string;
  private readonly network: Network;
  private readonly prefix = `mesita-test-${randomUUID().slice(0, 8)}`;
  private count = 0;
  private readonly waiters = new Set<() => void>();

  constructor(engine: Engine, { image, network = { mode: 'none' } }: Pick<EngineHarness, 'image' | 'network'>) {
    this.engine = engine;
    this.image = image;
    this.network = network;
    engine.onEvent((event) => {
      this.events.push(event);
      for (const waiter of this.waiters) waiter();
    });
  }

  spec(behaviour: Behaviour, overrides: Partial<ContainerSpec> = {}): ContainerSpec {
    this.count += 1;
    return {
      name: `${this.prefix}-${this.count}`,
      image: this.image,
      labels: { [behaviourLabel]: JSON.stringify(behaviour) },
      entrypoint: ['sh', '-c'],
      command: [script(behaviour)],
      environment: {},
      cpuShares: 0.1,
      pidsLimit: 100,
      network: this.network,
      mounts: [],
      privileged: false,
      parameters: [],
      ...overrides,
    };
  }

  async run(behaviour: Behaviour, overrides: Partial<ContainerSpec> = {}): Promise<string> {
    const spec = this.spec(behaviour, overrides);
    await this.engine.create(spec);
    await this.engine.start(spec.name);
    return spec.name;
  }

  /** Runs a shell command to its end. */
  async shell(
    command: string,
    overrides: Partial<ContainerSpec> = {},
  ): Promise<{ exitCode: number; stdout: string; stderr: string; exited: Exited }> {
    const name = await this.run({}, { ...overrides, entrypoint: ['sh', '-c'], command: [command] });
    const exited = await this.exited(name);
    return { exitCode: exited.exitCode, ...(await this.output(name)), exited };
  }

  async output(name: string): Promise<{ stdout: string; stderr: string }> {
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    await this.engine.logs(name, sinks, { follow: false, signal: never() });
    return { stdout: sinks.stdout.text(), stderr: sinks.stderr.text() };
  }

  exited(name: string): Promise<Exited> {
    return this.event((event): event is Exited => event.kind === 'exited' && event.name === name);
  }

  event<Event extends EngineEvent>(wanted: (event: EngineEvent) => event is Event): Promise<Event> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.events.find(wanted);
        if (found === undefined) return;
        this.waiters.delete(look);
        resolve(found);
      };
      this.waiters.add(look);
      look();
    });
  }

  exits(name: string): number {
    return this.events.filter((event) => event.kind === 'exited' && event.name === name).length;
  }

  async removeAll(): Promise<void> {
    for (const { name } of await this.engine.list()) await this.engine.remove(name);
    await this.engine.close();
  }
}

type Exited = Extract<EngineEvent, { kind: 'exited' }>;

class TextSink extends Writable {
  private readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

function script({ stdout, stderr, exit, ignoresTerm }: Behaviour): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [
    ignoresTerm ? `trap '' TERM` : `trap 'kill $!; exit 143' TERM`,
    ...(stdout === undefined ? [] : [`printf %s ${quote(stdout)}`]),
    ...(stderr === undefined ? [] : [`printf %s ${quote(stderr)} >&2`]),
    exit === undefined ? 'while :; do sleep 1 & wait; done' : `exit ${exit}`,
  ];
  return lines.join('\n');
}

function never(): AbortSignal {
  return new AbortController().signal;
}

function failsWith(code: string, words: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof MesitaError, `not a MesitaError: ${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    assert.notEqual(error.remedy, '');
    return true;
  };
}

/** The suite that every engine passes. What an engine has no capability for shows up as skipped, with the capability's name. */
export function engineContract(
  title: string,
  open: () => Promise<EngineHarness>,
  capabilities: ReadonlySet<Capability>,
): void {
  const contract = (
    name: string,
    needs: Capability[],
    body: (scene: Scene, harness: EngineHarness) => Promise<void>,
  ) => {
    const missing = needs.find((capability) => !capabilities.has(capability));
    const skip = missing === undefined ? false : `this engine has no capability "${missing}"`;
    test(name, { skip, timeout: 30_000 }, async () => {
      const harness = await open();
      try {
        const scene = new Scene(harness.engine({ 'mesita.test.scope': randomUUID() }), harness);
        scene.facts = await scene.engine.connect(never());
        try {
          await body(scene, harness);
        } finally {
          await harness.restoreConnections();
          await scene.removeAll();
        }
      } finally {
        await harness.close();
      }
    });
  };

  describe(`${title}: exits`, () => lifeContract(contract));
  describe(`${title}: output`, () => outputContract(contract));
  describe(`${title}: commands beside a container's own`, () => execContract(contract));
  describe(`${title}: commands that are talked with`, () => sessionContract(contract));
  describe(`${title}: scope`, () => scopeContract(contract));
  describe(`${title}: a broken events stream`, () => breakContract(contract));
  describe(`${title}: bad input`, () => badInputContract(contract));
  describe(`${title}: what a container is given`, () => kernelContract(contract));
  describe(`${title}: networks`, () => networkContract(contract));
  describe(`${title}: what a host process is given`, () => hostContract(contract));
}

type Contract = (
  name: string,
  needs: Capability[],
  body: (scene: Scene, harness: EngineHarness) => Promise<void>,
) => void;

function lifeContract(contract: Contract): void {
  contract('tells what it is', [], async ({ facts }) => {
    assert.ok(facts !== undefined);
    assert.match(facts.apiVersion, /^\d+\.\d+$/);
    assert.ok(facts.cpus > 0 && facts.mem > 0);
  });

  contract('reports the exit code of a container that ends', [], async (scene) => {
    for (const exit of [0, 3, 255]) {
      const name = await scene.run({ exit });
      assert.deepEqual(await scene.exited(name), { kind: 'exited', name, exitCode: exit, outOfMemory: false });
    }
  });

  contract('reports each of 50 containers that end at once exactly once', [], async (scene) => {
    const specs = Array.from({ length: 50 }, (_, index) => scene.spec({ exit: index % 7 }));
    const queue = [...specs.entries()];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await scene.engine.create(next[1]);
        await scene.engine.start(next[1].name);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    for (const [index, { name }] of specs.entries()) assert.equal((await scene.exited(name)).exitCode, index % 7);
    for (const { name } of specs) assert.equal(scene.exits(name), 1);
  });

  contract('changes the limits of a running container, and passes over one that is not', [], async (scene) => {
    const limits = { cpuShares: 0.5, cpuLimit: 0.5, memoryLimit: 64, memoryReservation: 32 };
    const name = await scene.run({}, { cpuLimit: 0.1, memoryLimit: 16 });
    await scene.engine.update(name, limits);
    await scene.engine.signal(name, 'SIGKILL');
    await scene.exited(name);
    await scene.engine.update(name, limits);
    await scene.engine.remove(name);
    await scene.engine.update(name, limits);
  });

  contract('lists containers with state, labels and exit', [], async (scene) => {
    const created = scene.spec({});
    await scene.engine.create({ ...created, labels: { ...created.labels, color: 'red' } });
    const running = await scene.run({});
    const ended = await scene.run({ exit: 4 });
    await scene.exited(ended);
    const listed = new Map((await scene.engine.list()).map((summary) => [summary.name, summary]));
    assert.equal(listed.size, 3);
    assert.equal(listed.get(created.name)?.state, 'created');
    assert.equal(listed.get(created.name)?.labels.color, 'red');
    assert.equal(listed.get(created.name)?.exit, undefined);
    assert.equal(listed.get(running)?.state, 'running');
    assert.equal(listed.get(ended)?.state, 'exited');
    assert.deepEqual(listed.get(ended)?.exit, { exitCode: 4, outOfMemory: false });
  });

  contract('stop ends a container by SIGTERM', [], async (scene) => {
    const name = await scene.run({ stdout: 'ready\n' });
    await ready(scene, name);
    await scene.engine.stop(name, 30);
    assert.equal((await scene.exited(name)).exitCode, 143);
  });

  contract('stop ends a container that ignores SIGTERM by SIGKILL after the grace period', [], async (scene) => {
    const name = await scene.run({ stdout: 'ready\n', ignoresTerm: true });
    await ready(scene, name);
    await scene.engine.stop(name, 1);
    const { exitCode, outOfMemory } = await scene.exited(name);
    assert.deepEqual({ exitCode, outOfMemory }, { exitCode: 137, outOfMemory: false });
  });

  contract('stop of a container that is dead already resolves', [], async (scene) => {
    const name = await scene.run({ exit: 0 });
    await scene.exited(name);
    await scene.engine.stop(name, 5);
    assert.equal(scene.exits(name), 1);
  });

  contract('signals a running container and says nothing of a dead one', [], async (scene) => {
    const name = await scene.run({});
    await scene.engine.signal(name, 'SIGKILL');
    assert.equal((await scene.exited(name)).exitCode, 137);
    await scene.engine.signal(name, 'SIGKILL');
  });

  contract('remove kills a running container, reports its exit once, and may be repeated', [], async (scene) => {
    const name = await scene.run({});
    await Promise.all([scene.engine.remove(name), scene.engine.remove(name)]);
    assert.equal((await scene.exited(name)).exitCode, 137);
    await scene.engine.remove(name);
    assert.deepEqual(await scene.engine.list(), []);
    assert.equal(scene.exits(name), 1);
  });

  contract('has no usage of a container that does not run', [], async (scene) => {
    const name = await scene.run({ exit: 0 });
    await scene.exited(name);
    assert.equal(await scene.engine.usage(name), undefined);
    await scene.engine.remove(name);
    assert.equal(await scene.engine.usage(name), undefined);
  });

  contract('a listener that was taken off hears nothing more', [], async (scene) => {
    const heard: EngineEvent[] = [];
    const stop = scene.engine.onEvent((event) => heard.push(event));
    stop();
    await scene.exited(await scene.run({ exit: 0 }));
    assert.deepEqual(heard, []);
  });
}

function execContract(contract: Contract): void {
  const command = (behaviour: Behaviour): [string[], { environment: Record<string, string>; signal: AbortSignal }] => [
    ['sh', '-c', script(behaviour)],
    { environment: { [behaviourVariable]: JSON.stringify(behaviour) }, signal: never() },
  ];

  contract('runs a command in a running container, and says how it ended and what it wrote last', [], async (scene) => {
    const name = await scene.run({});
    for (const exit of [0, 3, 255]) {
      const result = await scene.engine.exec(name, ...command({ stdout: 'out', stderr: 'err', exit }));
      assert.equal(result?.exitCode, exit);
      assert.deepEqual([...(result?.output ?? '')].sort(), [...'outerr'].sort());
    }
    assert.equal(scene.exits(name), 0);
  });

  contract('runs no command in a container that does not run', [], async (scene) => {
    const name = await scene.run({ exit: 0 });
    await scene.exited(name);
    assert.equal(await scene.engine.exec(name, ...command({ exit: 0 })), undefined);
    await scene.engine.remove(name);
    assert.equal(await scene.engine.exec(name, ...command({ exit: 0 })), undefined);
  });

  contract('gives up a command that hangs', [], async (scene) => {
    const name = await scene.run({});
    const [words, options] = command({ ignoresTerm: true });
    const reason = new Error('enough');
    const given = { ...options, signal: AbortSignal.timeout(500) };
    await assert.rejects(scene.engine.exec(name, words, given), { name: 'TimeoutError' });
    const late = { ...options, signal: AbortSignal.abort(reason) };
    await assert.rejects(scene.engine.exec(name, words, late), reason);
    assert.equal(scene.exits(name), 0);
  });

  contract('leaves nothing of a command that was given up', ['kernel'], async (scene) => {
    const name = await scene.run({});
    // Nobody else on this machine sleeps so.
    const seconds = 10_000 + Math.floor(Math.random() * 80_000);
    const daemon = `setsid sh -c "while :; do sleep ${seconds}4; done" >/dev/null 2>&1 &`;
    const words = ['sh', '-c', `trap "" TERM HUP; ${daemon} while :; do sleep ${seconds}5; done`];
    const given = { environment: {}, signal: AbortSignal.timeout(500) };
    await assert.rejects(scene.engine.exec(name, words, given), { name: 'TimeoutError' });
    const look = ['sh', '-c', `cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -o "sleep ${seconds}[45]"`];
    assert.deepEqual(await scene.engine.exec(name, look, { environment: {}, signal: never() }), {
      exitCode: 1,
      output: '',
    });
    assert.equal(scene.exits(name), 0);
  });

  contract('gives a command its environment, its user and the working directory', ['kernel'], async (scene) => {
    const name = await scene.run({}, { environment: { FIRST: '1', SECOND: '2' }, workingDirectory: '/tmp' });
    const words = ['sh', '-c', 'echo "$FIRST $SECOND $(id -un) $PWD"'];
    const options = { environment: { SECOND: 'two words' }, user: 'nobody', signal: never() };
    const result = await scene.engine.exec(name, words, options);
    assert.deepEqual(result, { exitCode: 0, output: '1 two words nobody /tmp\n' });
  });

  contract('keeps the last kilobyte of a command that writes much', ['kernel'], async (scene) => {
    const name = await scene.run({});
    const words = ['sh', '-c', 'head -c 1000000 /dev/zero | tr "\\0" x; echo end'];
    const result = await scene.engine.exec(name, words, { environment: {}, signal: never() });
    assert.equal(result?.output, `${'x'.repeat(1020)}end\n`);
  });

  contract('says which command is not in the container', ['kernel'], async (scene) => {
    const name = await scene.run({});
    const nowhere = await scene.engine.exec(name, ['/no/such/thing'], { environment: {}, signal: never() });
    assert.equal(nowhere?.exitCode, 126);
    assert.match(nowhere?.output ?? '', /\/no\/such\/thing/);
  });
}

function sessionContract(contract: Contract): void {
  const open = async (scene: Scene, name: string, command: string[], options: Partial<SessionOptions> = {}) => {
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const session = await scene.engine.openSession?.(name, command, sinks, { environment: {}, ...options });
    return { ...sinks, session };
  };
  /** Waits for words in what was written. */
  const heard = async (sink: TextSink, words: string): Promise<void> => {
    while (!sink.text().includes(words)) await pause(10);
  };

  contract('talks with a command, whose outputs stay apart, and says how it ended', ['sessions'], async (scene) => {
    const name = await scene.run({});
    const behaviour: Behaviour = { stdout: 'out', stderr: 'err', exit: 3 };
    const environment = { [behaviourVariable]: JSON.stringify(behaviour) };
    const { session, stdout, stderr } = await open(scene, name, ['sh', '-c', script(behaviour)], { environment });
    assert.deepEqual(await session?.ended, { exitCode: 3 });
    assert.deepEqual([stdout.text(), stderr.text()], ['out', 'err']);
    assert.equal(scene.exits(name), 0);
  });

  contract('talks with no command in a container that does not run', ['sessions'], async (scene) => {
    const name = await scene.run({ exit: 0 });
    await scene.exited(name);
    assert.equal((await open(scene, name, ['true'])).session, undefined);
  });

  contract('ends a command that is talked with when its container ends', ['sessions'], async (scene) => {
    const name = await scene.run({ ignoresTerm: true });
    const behaviour: Behaviour = { stdout: 'up' };
    const environment = { [behaviourVariable]: JSON.stringify(behaviour) };
    const { session, stdout } = await open(scene, name, ['sh', '-c', script(behaviour)], { environment });
    await heard(stdout, 'up');
    await scene.engine.signal(name, 'SIGKILL');
    assert.deepEqual(await session?.ended, { exitCode: 137 });
  });

  contract('kills a command that is talked with', ['sessions'], async (scene) => {
    const name = await scene.run({});
    const { session } = await open(scene, name, ['sh', '-c', 'sleep 1000; true']);
    await session?.signal('SIGKILL');
    assert.deepEqual(await session?.ended, { exitCode: 137 });
    await session?.signal('SIGKILL');
    assert.equal(scene.exits(name), 0);
  });

  contract('hands a command its input, to the end of it', ['sessions', 'kernel'], async (scene) => {
    const name = await scene.run({});
    const { session, stdout } = await open(scene, name, ['sh', '-c', 'cat; exit 4']);
    const text = 'x'.repeat(300_000);
    session?.input.write(text);
    session?.input.end();
    assert.deepEqual(await session?.ended, { exitCode: 4 });
    assert.equal(stdout.text().length, text.length);
  });

  contract('gives a command a terminal, whose size changes', ['sessions', 'kernel'], async (scene) => {
    const name = await scene.run({});
    const words = ['sh', '-c', 'read x; stty size; read x; stty size; echo "$A"; echo err >&2'];
    const terminal = { rows: 11, columns: 22 };
    const { session, stdout } = await open(scene, name, words, { terminal, environment: { A: 'b' } });
    session?.input.write('\n');
    await heard(stdout, '11 22');
    await session?.resize({ rows: 33, columns: 44 });
    session?.input.write('\n');
    assert.deepEqual(await session?.ended, { exitCode: 0 });
    assert.match(stdout.text(), /11 22\r\n[\s\S]*33 44\r\nb\r\nerr\r\n/);
    await session?.resize({ rows: 1, columns: 1 });
  });
}

function outputContract(contract: Contract): void {
  contract('keeps stdout and stderr apart', [], async (scene) => {
    const name = await scene.run({ stdout: 'out\n', stderr: 'err\n', exit: 0 });
    await scene.exited(name);
    assert.deepEqual(await scene.output(name), { stdout: 'out\n', stderr: 'err\n' });
  });

  contract('follows the output to the end of the container', [], async (scene) => {
    const name = await scene.run({ stdout: 'one' });
    const stdout = new TextSink();
    const done = scene.engine.logs(name, { stdout, stderr: new TextSink() }, { follow: true, signal: never() });
    await scene.engine.signal(name, 'SIGKILL');
    await done;
    assert.equal((await scene.exited(name)).exitCode, 137);
  });

  contract('hands on what is written from the beginning, where it can attach', [], async (scene) => {
    if (scene.engine.attach === undefined) return;
    const spec = scene.spec({ stdout: 'out\n', stderr: 'err\n', exit: 0 });
    await scene.engine.create(spec);
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const { ended } = await scene.engine.attach(spec.name, sinks, { signal: never() });
    await scene.engine.start(spec.name);
    await ended;
    assert.deepEqual([sinks.stdout.text(), sinks.stderr.text()], ['out\n', 'err\n']);
    await scene.exited(spec.name);
  });

  contract('lets go of what it attached to when the signal aborts', [], async (scene) => {
    if (scene.engine.attach === undefined) return;
    const spec = scene.spec({ stdout: 'out\n' });
    await scene.engine.create(spec);
    const abort = new AbortController();
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const { ended } = await scene.engine.attach(spec.name, sinks, { signal: abort.signal });
    await scene.engine.start(spec.name);
    abort.abort(new Error('enough'));
    await ended;
    assert.equal(scene.exits(spec.name), 0);
  });

  contract('hands on what is written from now on, to the end of the container', ['kernel'], async (scene) => {
    const script = 'echo before; while [ ! -e /tmp/$MARK ]; do sleep 0.05; done; echo after; echo wards >&2';
    const mark = `mesita-${randomUUID()}`;
    const spec = scene.spec({}, { command: [`${script}; rm /tmp/$MARK`], environment: { MARK: mark } });
    await scene.engine.create(spec);
    await scene.engine.start(spec.name);
    while ((await scene.output(spec.name)).stdout === '') await pause(10);
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const listening = await scene.engine.listen(spec.name, sinks, { signal: never() });
    await scene.engine.exec(spec.name, ['touch', `/tmp/${mark}`], { environment: {}, signal: never() });
    await listening?.ended;
    assert.deepEqual([sinks.stdout.text(), sinks.stderr.text()], ['after\n', 'wards\n']);
    await scene.exited(spec.name);
    assert.equal(await scene.engine.listen(spec.name, sinks, { signal: never() }), undefined);
  });

  contract('stops listening when the signal aborts', [], async (scene) => {
    const name = await scene.run({});
    const abort = new AbortController();
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const listening = await scene.engine.listen(name, sinks, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await listening?.ended;
    assert.equal(scene.exits(name), 0);
  });

  contract('takes input for a terminal of a given size', ['isolation'], async (scene) => {
    const terminal = { rows: 11, columns: 22 };
    const script = 'read x; stty size; read x; stty size; echo "got $x"';
    const spec = scene.spec({}, { command: [script], terminal });
    await scene.engine.create(spec);
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const attached = await scene.engine.attach?.(spec.name, sinks, { signal: never() });
    await scene.engine.start(spec.name);
    const input = await scene.engine.openInput?.(spec.name);
    input?.input.write('\n');
    while (!sinks.stdout.text().includes('11 22')) await pause(10);
    await input?.resize({ rows: 33, columns: 44 });
    input?.input.write('it\n');
    await attached?.ended;
    assert.match(sinks.stdout.text(), /33 44\r\ngot it\r\n/);
    await scene.exited(spec.name);
    assert.equal(await scene.engine.openInput?.(spec.name), undefined);
  });

  contract('takes input to the end of it', ['isolation'], async (scene) => {
    const spec = scene.spec({}, { command: ['wc -c; exit 3'], input: true });
    await scene.engine.create(spec);
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const attached = await scene.engine.attach?.(spec.name, sinks, { signal: never() });
    await scene.engine.start(spec.name);
    const input = await scene.engine.openInput?.(spec.name);
    input?.input.end('x'.repeat(300_000));
    await attached?.ended;
    assert.equal(sinks.stdout.text().trim(), '300000');
    assert.equal((await scene.exited(spec.name)).exitCode, 3);
  });

  contract('gives what there is of a running container', [], async (scene) => {
    const name = await scene.run({ stdout: 'so far\n' });
    await ready(scene, name);
    assert.equal((await scene.output(name)).stdout, 'so far\n');
  });

  contract('stops following when the signal aborts', [], async (scene) => {
    const name = await scene.run({ stdout: 'x' });
    const abort = new AbortController();
    const sinks = { stdout: new TextSink(), stderr: new TextSink() };
    const done = scene.engine.logs(name, sinks, { follow: true, signal: abort.signal });
    done.catch(() => {});
    abort.abort(new Error('enough'));
    await assert.rejects(done, /enough/);
  });

  contract('brings 10 MB to a slow sink intact', ['kernel'], async (scene) => {
    const spec = scene.spec({}, { command: ["seq 1 1400000 | paste -s -d '         \\n'"] });
    await scene.engine.create(spec);
    const hash = createHash('sha256');
    let bytes = 0;
    const stdout = new Writable({
      highWaterMark: 16,
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        hash.update(chunk);
        setImmediate(done);
      },
    });
    const sinks = { stdout, stderr: new TextSink() };
    const attached = await scene.engine.attach?.(spec.name, sinks, { signal: never() });
    await scene.engine.start(spec.name);
    await (attached?.ended ?? scene.engine.logs(spec.name, sinks, { follow: true, signal: never() }));
    const expected = createHash('sha256');
    let expectedBytes = 0;
    for (let line = 1; line <= 1_400_000; line += 1) {
      expected.update(`${line}${line % 10 === 0 ? '\n' : ' '}`);
      expectedBytes += `${line}`.length + 1;
    }
    assert.ok(expectedBytes > 10_000_000);
    assert.equal(bytes, expectedBytes);
    assert.equal(hash.digest('hex'), expected.digest('hex'));
  });

  contract('gives the output of a terminal to stdout alone', ['isolation'], async (scene) => {
    const parameters = [{ key: 'tty', value: 'true' }];
    const { stdout, stderr } = await scene.shell('echo 123; echo 456 >&2', { parameters });
    assert.deepEqual(stdout.split(/\r?\n/), ['123', '456', '']);
    assert.equal(stderr, '');
  });
}

function scopeContract(contract: Contract): void {
  contract('two engines with different scopes see their own containers alone', [], async (scene, harness) => {
    const other = new Scene(harness.engine({ 'mesita.test.scope': randomUUID() }), harness);
    await other.engine.connect(never());
    try {
      const mine = await scene.run({ exit: 1 });
      const theirs = await other.run({ exit: 2 });
      assert.equal((await scene.exited(mine)).exitCode, 1);
      assert.equal((await other.exited(theirs)).exitCode, 2);
      assert.deepEqual(names(await scene.engine.list()), [mine]);
      assert.deepEqual(names(await other.engine.list()), [theirs]);
      assert.equal(scene.exits(theirs), 0);
      assert.equal(other.exits(mine), 0);
    } finally {
      await other.removeAll();
    }
  });

  contract("a task's labels cannot take a container out of its scope", [], async (scene) => {
    const spec = scene.spec({ exit: 0 });
    await scene.engine.create({ ...spec, labels: { ...spec.labels, 'mesita.test.scope': 'elsewhere' } });
    assert.deepEqual(names(await scene.engine.list()), [spec.name]);
  });

  contract(
    'a second engine object of the same scope takes over what the first one left',
    [],
    async (scene, harness) => {
      const scope = { 'mesita.test.scope': randomUUID() };
      const first = new Scene(harness.engine(scope), harness);
      await first.engine.connect(never());
      const ended = await first.run({ exit: 9 });
      const running = await first.run({});
      await first.exited(ended);
      await first.engine.close();
      const second = new Scene(harness.engine(scope), harness);
      await second.engine.connect(never());
      try {
        const listed = await second.engine.list();
        assert.equal(listed.find(({ name }) => name === ended)?.exit?.exitCode, 9);
        assert.equal(listed.find(({ name }) => name === running)?.state, 'running');
        await second.engine.signal(running, 'SIGKILL');
        assert.equal((await second.exited(running)).exitCode, 137);
        assert.equal(second.exits(ended), 0);
      } finally {
        await second.removeAll();
      }
      assert.deepEqual(await scene.engine.list(), []);
    },
  );

  contract('a second engine object can do with a container what the first one could', [], async (_scene, harness) => {
    await succeeded(harness, async (first, next) => {
      const name = await first.run({ stdout: 'said before\n' });
      await eventually('it has said so', async () => (await first.output(name)).stdout !== '');
      const second = await next();
      assert.equal((await second.output(name)).stdout, 'said before\n');
      const environment = { [behaviourVariable]: JSON.stringify({ stdout: 'from within', exit: 4 }) };
      const command = ['sh', '-c', script({ stdout: 'from within', exit: 4 })];
      const result = await second.engine.exec(name, command, { environment, signal: never() });
      assert.deepEqual(result, { exitCode: 4, output: 'from within' });
      await second.engine.update(name, { cpuShares: 0.2 });
      if (harness.capabilities.has('kernel')) assert.ok(((await second.engine.usage(name))?.mem ?? 0) > 0);
      await second.engine.stop(name, 10);
      assert.equal((await second.exited(name)).exitCode, 143);
      assert.equal(second.exits(name), 1);
      assert.equal((await second.engine.list())[0]?.exit?.exitCode, 143);
      await second.engine.remove(name);
      assert.deepEqual(await second.engine.list(), []);
    });
  });

  contract(
    'nothing goes on of a command whose engine object is gone',
    ['sessions', 'kernel'],
    async (_scene, harness) => {
      await succeeded(harness, async (first, next) => {
        const name = await first.run({});
        const sinks = { stdout: new TextSink(), stderr: new TextSink() };
        const command = ['sh', '-c', 'echo up; sleep 987 & sleep 987'];
        await first.engine.openSession?.(name, command, sinks, { environment: {} });
        await eventually('it runs', () => sinks.stdout.text() === 'up\n');
        const second = await next();
        const look = ['sh', '-c', "grep -qs 'sleep.98[7]' /proc/[0-9]*/cmdline && echo there"];
        await eventually('it is gone', async () => {
          const result = await second.engine.exec(name, look, { environment: {}, signal: never() });
          return result?.output === '';
        });
        assert.equal((await second.engine.list())[0]?.state, 'running');
      });
    },
  );

  contract('how containers ended that nobody looked after is known', ['kernel'], async (_scene, harness) => {
    await succeeded(harness, async (first, next) => {
      const shell = (line: string) => ({ entrypoint: ['sh', '-c'], command: [line] });
      const exit = await first.run({}, shell('sleep 0.5; echo last; exit 7'));
      const hungry = await first.run({}, { ...shell('sleep 0.5; tail /dev/zero'), memoryLimit: 16 });
      // Who looks now and then does not look while nobody is there.
      if (!harness.capabilities.has('isolation')) await first.engine.stop(hungry, 0);
      const second = await next(2_000);
      const ends = new Map((await second.engine.list()).map((each) => [each.name, each.exit]));
      assert.deepEqual(ends.get(exit), { exitCode: 7, outOfMemory: false });
      if (harness.capabilities.has('isolation'))
        assert.deepEqual(ends.get(hungry), { exitCode: 137, outOfMemory: true, memPeak: 16 });
      assert.equal((await second.output(exit)).stdout, 'last\n');
      for (const name of [exit, hungry]) assert.equal(second.exits(name), 0);
    });
  });

  contract('containers of others are neither seen nor touched', ['foreign'], async (scene, harness) => {
    assert.ok(harness.foreignContainer);
    const foreign = await harness.foreignContainer();
    try {
      await scene.exited(await scene.run({ exit: 0 }));
      assert.ok(!names(await scene.engine.list()).includes(foreign.name));
      for (const { name } of await scene.engine.list()) await scene.engine.remove(name);
    } finally {
      assert.equal(await foreign.remove(), true);
    }
    assert.equal(scene.exits(foreign.name), 0);
  });
}

/** An engine object of a scope of its own, that is replaced by another one. `away`: milliseconds without either. */
async function succeeded(
  harness: EngineHarness,
  body: (first: Scene, next: (away?: number) => Promise<Scene>) => Promise<void>,
): Promise<void> {
  const scope = { 'mesita.test.scope': randomUUID() };
  let current = new Scene(harness.engine(scope), harness);
  await current.engine.connect(never());
  try {
    await body(current, async (away = 0) => {
      await current.engine.close();
      await pause(away);
      current = new Scene(harness.engine(scope), harness);
      await current.engine.connect(never());
      return current;
    });
  } finally {
    await current.removeAll();
  }
}

function breakContract(contract: Contract): void {
  contract('what ended meanwhile is reported once when the stream is back', ['connection'], async (scene, harness) => {
    const name = await scene.run({ exit: 0 });
    await scene.exited(name);
    const short = await scene.run({}, await endsAfterBreak(harness));
    const long = await scene.run({});
    await harness.breakConnections();
    await scene.event(
      (event): event is Extract<EngineEvent, { kind: 'disconnected' }> => event.kind === 'disconnected',
    );
    await endDuringBreak(harness, short);
    const before = scene.events.length;
    await harness.restoreConnections();
    assert.equal((await scene.exited(short)).exitCode, 6);
    assert.equal(scene.events[before]?.kind, 'connected');
    await scene.engine.signal(long, 'SIGKILL');
    assert.equal((await scene.exited(long)).exitCode, 137);
    for (const each of [name, short, long]) assert.equal(scene.exits(each), 1);
  });
}

/** Hooks of the harness for the scenario of a break: how one container ends while the connection is cut. */
export interface BreakHooks {
  endsAfterBreak?(): Promise<Partial<ContainerSpec>>;
  endDuringBreak?(name: string): Promise<void>;
}

function endsAfterBreak(harness: EngineHarness & BreakHooks): Promise<Partial<ContainerSpec>> {
  return harness.endsAfterBreak?.() ?? Promise.resolve({});
}

async function endDuringBreak(harness: EngineHarness & BreakHooks, name: string): Promise<void> {
  await harness.endDuringBreak?.(name);
}

function badInputContract(contract: Contract): void {
  contract('an image that no registry has cannot be ensured', [], async (scene, harness) => {
    await assert.rejects(
      scene.engine.ensureImage(harness.unknownImage, { force: false, signal: never() }),
      failsWith('MESITA_IMAGE_UNAVAILABLE', /mesita-test\/nowhere/),
    );
  });

  contract('an image that is there needs no pull, however many ask', [], async (scene, harness) => {
    const sentences: string[] = [];
    const progress = (sentence: string): number => sentences.push(sentence);
    const ensure = () => scene.engine.ensureImage(harness.image, { force: false, signal: never(), progress });
    await Promise.all([ensure(), ensure(), ensure()]);
    assert.deepEqual(sentences, []);
  });

  contract('a container of an image that is not there is refused and leaves nothing', [], async (scene, harness) => {
    await assert.rejects(
      scene.engine.create(scene.spec({}, { image: harness.unknownImage })),
      failsWith('MESITA_IMAGE_UNAVAILABLE', /no such image/i),
    );
    assert.deepEqual(await scene.engine.list(), []);
  });

  contract('an invalid name and a name in use are refused', [], async (scene) => {
    await assert.rejects(
      scene.engine.create(scene.spec({}, { name: 'no spaces/please' })),
      failsWith('MESITA_CONTAINER_INVALID', /name/i),
    );
    const spec = scene.spec({});
    await scene.engine.create(spec);
    await assert.rejects(scene.engine.create(spec), failsWith('MESITA_CONTAINER_INVALID', /in use/));
    assert.deepEqual(names(await scene.engine.list()), [spec.name]);
  });

  const refused: [string, Partial<ContainerSpec>, RegExp][] = [
    ['a memory limit below the minimum', { memoryLimit: 1 }, /1 MB .* minimum of 6 MB/],
    ['an unknown parameter', { parameters: [{ key: 'no-such', value: '1' }] }, /no-such/],
    ['a parameter that agents refuse', { parameters: [{ key: 'restart', value: 'always' }] }, /restart/],
    [
      'a mount to a relative path',
      { mounts: [{ kind: 'bind', hostPath: '/tmp', containerPath: 'relative', readOnly: true }] },
      /relative/,
    ],
    ['a variable without a name', { environment: { '': 'x' } }, /environment variable/],
  ];
  for (const [what, overrides, words] of refused) {
    contract(`${what} is refused by name and leaves nothing`, ['kernel'], async (scene) => {
      await assert.rejects(
        scene.engine.create(scene.spec({}, overrides)),
        failsWith('MESITA_CONTAINER_INVALID', words),
      );
      assert.deepEqual(await scene.engine.list(), []);
    });
  }

  const failing: [string, Partial<ContainerSpec>, RegExp][] = [
    ['a command that the image lacks', { entrypoint: ['no-such-command'], command: [] }, /no-such-command/],
    ['a user that the image lacks', { user: 'nosuchuser' }, /nosuchuser/],
    ['an unknown network', { network: { mode: 'user', name: 'no-such-net', ports: [] } }, /no-such-net/],
  ];
  for (const [what, overrides, words] of failing) {
    contract(`${what} fails the start, without an exit`, ['kernel'], async (scene) => {
      const spec = scene.spec({}, overrides);
      const launch = async (): Promise<void> => {
        await scene.engine.create(spec);
        await scene.engine.start(spec.name);
      };
      await assert.rejects(launch(), failsWith('MESITA_CONTAINER_INVALID', words));
      await scene.engine.remove(spec.name);
      await scene.exited(await scene.run({ exit: 0 }));
      assert.equal(scene.exits(spec.name), 0);
    });
  }
}

function kernelContract(contract: Contract): void {
  contract('environment, working directory, user and arguments', ['kernel'], async (scene) => {
    const { stdout } = await scene.shell('pwd; id -u; echo "$GREETING"', {
      environment: { GREETING: 'hello = "world"\nand more' },
      workingDirectory: '/tmp',
      user: 'nobody',
    });
    assert.equal(stdout, '/tmp\n65534\nhello = "world"\nand more\n');
    const name = await scene.run({}, { entrypoint: ['echo', 'a b'], command: ['c', 'd  e'] });
    await scene.exited(name);
    assert.equal((await scene.output(name)).stdout, 'a b c d  e\n');
  });

  contract('no command means none, not the image’s', ['isolation'], async (scene) => {
    const name = await scene.run({}, { entrypoint: ['echo', 'alone'], command: [] });
    await scene.exited(name);
    assert.equal((await scene.output(name)).stdout, 'alone\n');
  });

  contract('mounts, writable and read-only', ['isolation'], async (scene) => {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-test-mount-'));
    try {
      await writeFile(join(directory, 'given'), 'from the host');
      const { stdout, stderr } = await scene.shell('cat /ro/given; echo made > /rw/made; touch /ro/no', {
        mounts: [
          { kind: 'bind', hostPath: directory, containerPath: '/ro', readOnly: true },
          { kind: 'bind', hostPath: directory, containerPath: '/rw', readOnly: false },
        ],
      });
      assert.equal(stdout, 'from the host');
      assert.match(stderr, /[Rr]ead-only/);
      assert.equal(await readFile(join(directory, 'made'), 'utf8'), 'made\n');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  contract('the memory limit is in effect, without swap', ['isolation'], async (scene) => {
    const files = '/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max';
    const { stdout } = await scene.shell(`cat ${files} 2>/dev/null`, { memoryLimit: 32 });
    assert.equal(stdout.trim(), `${32 * 1024 * 1024}`);
    const swap = '/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes /sys/fs/cgroup/memory.swap.max';
    const swapLimit = (await scene.shell(`cat ${swap} 2>/dev/null`, { memoryLimit: 32 })).stdout.trim();
    assert.ok([`${32 * 1024 * 1024}`, '0', ''].includes(swapLimit), swapLimit);
  });

  contract('limits that are changed are in effect at once', ['isolation'], async (scene) => {
    const look = [
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max',
      'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us || cut -d " " -f 1 /sys/fs/cgroup/cpu.max',
    ];
    const command = [`trap 'exit 0' TERM; while true; do sleep 0.1; (${look.join('; ')}) 2>/dev/null; done`];
    const name = await scene.run({}, { command, cpuLimit: 0.1, memoryLimit: 16 });
    await scene.engine.update(name, { cpuShares: 0.5, cpuLimit: 0.5, memoryLimit: 64, memoryReservation: 32 });
    await scene.engine.update(name, { cpuShares: 1 });
    const wanted = `${64 * 1024 * 1024}\n50000\n`;
    while (!(await scene.output(name)).stdout.endsWith(wanted)) await pause(50);
    await scene.engine.signal(name, 'SIGKILL');
    await scene.exited(name);
  });

  contract('the CPU quota and the shares are in effect', ['isolation'], async (scene) => {
    const v1 =
      'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us /sys/fs/cgroup/cpu/cpu.shares';
    const { stdout } = await scene.shell(`cat /sys/fs/cgroup/cpu.max 2>/dev/null || ${v1}`, {
      cpuLimit: 0.25,
      cpuShares: 0.5,
    });
    assert.ok(['25000 100000', '25000 100000 512'].includes(stdout.trim().replaceAll('\n', ' ')), stdout);
  });

  contract('the limit of processes is in effect', ['isolation'], async (scene) => {
    const files = '/sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max';
    assert.equal((await scene.shell(`cat ${files} 2>/dev/null`, { pidsLimit: 17 })).stdout.trim(), '17');
  });

  contract('a container that runs out of memory is named, with its peak', ['kernel'], async (scene, harness) => {
    const { exited } = await scene.shell('tail /dev/zero', { memoryLimit: 16, entrypoint: ['sh', '-c'] });
    assert.equal(exited.exitCode, 137);
    assert.equal(exited.outOfMemory, true);
    // Who looks now and then sees more than the limit.
    const most = harness.capabilities.has('isolation') ? 16.1 : Number.POSITIVE_INFINITY;
    assert.ok(exited.memPeak !== undefined && exited.memPeak > 15 && exited.memPeak <= most, `${exited.memPeak}`);
    const kinds = scene.events.flatMap((event) => ('name' in event && event.name === exited.name ? [event.kind] : []));
    assert.equal(kinds.at(-1), 'exited');
    assert.ok(kinds.includes('oom'));
  });

  contract(
    'a process killed for want of memory is named though the container ends by itself',
    ['isolation'],
    async (scene) => {
      const { exited } = await scene.shell('(tail /dev/zero); sleep 1; exit 5', { memoryLimit: 16 });
      assert.equal(exited.exitCode, 5);
      assert.equal(exited.outOfMemory, true);
    },
  );

  contract('reads the usage of a running container', ['kernel'], async (scene) => {
    const name = await scene.run({ stdout: 'ready\n' }, { memoryLimit: 64 });
    await ready(scene, name);
    const usage = await scene.engine.usage(name);
    assert.ok(usage !== undefined && usage.mem > 0 && usage.mem < 64 && usage.cpuUserSeconds >= 0);
    assert.ok(usage.pids !== undefined && usage.pids >= 1);
  });

  contract('parameters of docker run are in effect', ['isolation'], async (scene) => {
    const { stdout } = await scene.shell(
      'hostname; cat /proc/sys/net/core/somaxconn; ulimit -n; ls -d /scratch; echo $EXTRA',
      {
        parameters: [
          { key: 'hostname', value: 'given-name' },
          { key: 'sysctl', value: 'net.core.somaxconn=99' },
          { key: 'ulimit', value: 'nofile=64:128' },
          { key: 'tmpfs', value: '/scratch:size=1m' },
          { key: 'env', value: 'EXTRA=more' },
        ],
      },
    );
    assert.equal(stdout, 'given-name\n99\n64\n/scratch\nmore\n');
  });
}

function networkContract(contract: Contract): void {
  contract('host and none have no addresses', ['network'], async (scene) => {
    for (const mode of ['host', 'none'] as const) {
      const name = await scene.run({}, { network: { mode } });
      assert.deepEqual(await scene.engine.addresses(name), []);
    }
    const none = await scene.shell('ls /sys/class/net', { network: { mode: 'none' } });
    assert.equal(none.stdout.trim(), 'lo');
  });

  contract('bridge has an address and a published port that answers', ['network'], async (scene) => {
    const hostPort = 20_000 + (process.pid % 10_000);
    const network = { mode: 'bridge' as const, ports: [{ hostPort, containerPort: 80, protocol: 'tcp' as const }] };
    const command = ['echo ready; while :; do echo hello | nc -l -p 80; done'];
    const name = await scene.run({}, { network, command });
    await ready(scene, name);
    const [address] = await scene.engine.addresses(name);
    assert.equal(address?.network, 'bridge');
    assert.equal(address?.protocol, 'IPv4');
    assert.match(address?.address ?? '', /^\d+\.\d+\.\d+\.\d+$/);
    assert.equal(await answerOf(hostPort), 'hello\n');
    const second = scene.spec({}, { network });
    await scene.engine.create(second);
    await assert.rejects(scene.engine.start(second.name), failsWith('MESITA_PORT_IN_USE', /port/));
  });

  contract('containers of one user network find one another by alias', ['network'], async (scene, harness) => {
    assert.ok(harness.userNetwork);
    const { name: network, remove } = await harness.userNetwork();
    try {
      const server = await scene.run(
        {},
        { network: { mode: 'user', name: network, ports: [], aliases: ['the-server'] } },
      );
      const [address] = await scene.engine.addresses(server);
      assert.equal(address?.network, network);
      const { stdout } = await scene.shell('nslookup the-server 127.0.0.11', {
        network: { mode: 'user', name: network, ports: [] },
      });
      assert.ok(stdout.includes(address?.address ?? 'no address'), stdout);
      for (const { name } of await scene.engine.list()) await scene.engine.remove(name);
    } finally {
      await remove();
    }
  });

  contract('a container joins the network of one that runs, and of no other', ['network'], async (scene) => {
    const command = ['echo ready; while :; do echo hello | nc -l -p 80; done'];
    const holder = await scene.run({}, { network: { mode: 'bridge', ports: [] }, command });
    await ready(scene, holder);
    const network = { mode: 'container' as const, name: holder };
    const { stdout } = await scene.shell('nc 127.0.0.1 80', { network });
    assert.equal(stdout, 'hello\n');
    assert.deepEqual(await scene.engine.addresses(await scene.run({}, { network })), []);
    await scene.engine.stop(holder, 0);
    const late = scene.spec({}, { network });
    await scene.engine.create(late);
    await assert.rejects(scene.engine.start(late.name), { code: 'MESITA_ENGINE_FAILED' });
  });
}

/** What an engine answers that runs processes of this very machine, where containers have more. */
function hostContract(contract: Contract): void {
  contract(
    'says that CPU, swap and numbers of processes are not limited by the kernel',
    ['host'],
    async ({ facts }) => {
      assert.deepEqual(facts?.enforces, { cpuQuota: false, memory: true, swap: false, pids: false });
    },
  );

  const refused: [string, Partial<ContainerSpec>, RegExp][] = [
    ['a network of its own', { network: { mode: 'none' } }, /network.*none/],
    ['published ports', { network: { mode: 'bridge', ports: [] } }, /network.*bridge/],
    ['privileges', { privileged: true }, /privileged/],
    ['a terminal', { parameters: [{ key: 'tty', value: 'true' }] }, /'tty'/],
    [
      'a read-only mount',
      {
        workingDirectory: '/tmp',
        mounts: [{ kind: 'bind', hostPath: '/etc', containerPath: '/tmp/x', readOnly: true }],
      },
      /read-only/,
    ],
    [
      'a mount elsewhere than below its working directory',
      { workingDirectory: '/tmp', mounts: [{ kind: 'bind', hostPath: '/etc', containerPath: '/x', readOnly: false }] },
      /\/etc cannot be mounted at \/x/,
    ],
    [
      "Docker's volumes",
      { workingDirectory: '/tmp', mounts: [{ kind: 'volume', name: 'v1', containerPath: '/tmp/x', readOnly: false }] },
      /v1/,
    ],
  ];
  for (const [what, overrides, words] of refused) {
    contract(`${what} is refused by name and leaves nothing`, ['host'], async (scene) => {
      await assert.rejects(
        scene.engine.create(scene.spec({}, overrides)),
        failsWith('MESITA_CONTAINER_INVALID', words),
      );
      assert.deepEqual(await scene.engine.list(), []);
    });
  }

  contract('a mount below the working directory is a link', ['host'], async (scene) => {
    const directory = await mkdtemp(join(tmpdir(), 'mesita-test-mount-'));
    try {
      const containerPath = join(directory, 'sandbox/data/in');
      await mkdir(join(directory, 'sandbox'));
      const { stdout } = await scene.shell('echo made > data/in/out; pwd', {
        workingDirectory: join(directory, 'sandbox'),
        mounts: [{ kind: 'bind', hostPath: directory, containerPath, readOnly: false }],
      });
      assert.equal(stdout, `${directory}/sandbox\n`);
      assert.equal(await readFile(join(directory, 'out'), 'utf8'), 'made\n');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  contract('has the environment that it was given, and a mark', ['host'], async (scene) => {
    const environment = { PATH: '/usr/bin:/bin', 'odd.name': "it's\n$HOME `id`", EMPTY: '', PWD: '/elsewhere', _: 'x' };
    const name = await scene.run({}, { entrypoint: ['env', '-0'], command: [], environment });
    await scene.exited(name);
    const entries = (await scene.output(name)).stdout.split('\0').filter((entry) => entry !== '');
    const [mark, ...others] = entries.sort((left) => (left.startsWith('MESITA_CONTAINER_MARK=') ? -1 : 1));
    assert.match(mark ?? '', /^MESITA_CONTAINER_MARK=[0-9a-f-]{36}$/);
    const given = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
    assert.deepEqual(others.sort(), given.sort());
  });

  contract('leads a session of its own, with all signals as they are by default', ['host'], async (scene) => {
    const look = 'read -r pid _ _ _ group session _ < /proc/self/stat; echo $(($$ - group)) $(($$ - session))';
    const { stdout } = await scene.shell(`${look}; grep SigIgn /proc/self/status`);
    assert.match(stdout, /^0 0\nSigIgn:\t0+\n$/);
  });

  contract('a command that kills its process group does not take the exit status with it', ['host'], async (scene) => {
    assert.equal((await scene.shell('kill -KILL 0')).exitCode, 137);
    assert.equal((await scene.shell('trap "exit 3" TERM; kill -TERM 0; sleep 60')).exitCode, 3);
  });
}

function names(summaries: { name: string }[]): string[] {
  return summaries.map(({ name }) => name);
}

/** Follows the output until there is some: then the script's traps are set. */
async function ready(scene: Scene, name: string): Promise<void> {
  const abort = new AbortController();
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      abort.abort();
      done();
    },
  });
  await scene.engine
    .logs(name, { stdout, stderr: new TextSink() }, { follow: true, signal: abort.signal })
    .catch(() => {});
}

/** What a TCP port of this machine sends; tried again while nobody listens yet. */
async function answerOf(port: number): Promise<string> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => {});
    await once(socket, 'close');
    if (text !== '') return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
