import { MesitaError } from '../../protocol/errors.ts';
import { FakeEngine, FakeMachine } from '../support/fake-engine.ts';
import {
  type Behaviour,
  type BreakHooks,
  behaviourLabel,
  behaviourVariable,
  type Capability,
  type EngineHarness,
  engineContract,
} from './engine-contract.ts';

const capabilities: ReadonlySet<Capability> = new Set(['images', 'connection', 'sessions']);
const image = 'mesita-test/fake:1';
const unknownImage = 'mesita-test/nowhere:1';

async function open(): Promise<EngineHarness & BreakHooks> {
  const machine = new FakeMachine();
  const engines: FakeEngine[] = [];
  let broken = false;
  return {
    capabilities,
    image,
    unknownImage,
    engine: (scope) => {
      const engine = new FakeEngine({
        machine,
        scope,
        images: [image],
        program: ({ labels }) => {
          const { exit, ...program } = JSON.parse(labels[behaviourLabel] ?? '{}') as Behaviour;
          return { ...program, ...(exit === undefined ? {} : { exit: { exitCode: exit } }) };
        },
        exec: (_spec, _command, { environment }) => {
          const behaviour = JSON.parse(environment[behaviourVariable] ?? '{}') as Behaviour;
          const { exit, stdout = '', stderr = '' } = behaviour;
          return exit === undefined ? new Promise(() => {}) : { exitCode: exit, output: stdout + stderr };
        },
        session: ({ options, sinks }) => {
          const {
            exit,
            stdout = '',
            stderr = '',
          } = JSON.parse(options.environment[behaviourVariable] ?? '{}') as Behaviour;
          sinks.stdout.write(stdout);
          sinks.stderr.write(stderr);
          return exit ?? new Promise(() => {});
        },
      });
      engine.scriptPull(unknownImage, {
        error: new MesitaError('MESITA_IMAGE_UNAVAILABLE', { message: `${unknownImage} is nowhere` }),
      });
      engines.push(engine);
      return engine;
    },
    breakConnections: async () => {
      broken = true;
      for (const engine of engines) engine.breakEvents('the test broke it');
    },
    restoreConnections: async () => {
      if (!broken) return;
      broken = false;
      for (const engine of engines) engine.restoreEvents();
    },
    endDuringBreak: async (name) => engines[0]?.exit(name, 6),
    close: async () => {},
  };
}

engineContract('fake engine', open, capabilities);
