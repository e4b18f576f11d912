import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { runOnce } from '../../frameworks/run/run.ts';
import { MesitaError } from '../../protocol/errors.ts';
import { invalidId } from '../../protocol/ids.ts';
import type { CommandInfoURI } from '../../protocol/messages.ts';
import type { MasterClient, TaskLocation } from '../../scheduler/index.ts';
import { masterOption, withClient } from '../master-option.ts';
import { runPodFile } from '../pod-run.ts';
import { SandboxFollower } from '../sandbox-follower.ts';
import { interruptible } from '../setup/interruption.ts';
import { type TaskOptions, taskOf } from '../task-options.ts';
import { seconds } from './kill.ts';

interface RunOptions extends TaskOptions {
  master: string;
  role: string;
  grace?: number;
  quiet?: boolean;
  pod?: string;
}

const collect = (value: string, before: string[]): string[] => [...before, value];

function amount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Expected a number.');
  return value;
}

export function registerRun(program: Command): void {
  program
    .command('run')
    .description('run one task in a Docker container and wait for it; exits with its exit code. Ctrl-C kills it')
    .usage('[options] IMAGE [-- COMMAND [ARGUMENTS...]], or --pod FILE')
    .argument('[image]')
    .argument('[command...]')
    .option('--name <name>', 'name of the task')
    .option('--cpus <cores>', 'CPU time it gets', amount, 0.5)
    .option('--mem <MB>', 'memory limit', amount, 128)
    .option('--disk <MB>', 'disk space to reserve', amount, 0)
    .option('--gpus <n>', 'GPUs', amount, 0)
    .option(
      '--uri <file-or-url>',
      'fetched into the sandbox before the start; archives are unpacked (repeatable)',
      collect,
      [],
    )
    .option('-e, --env <NAME=VALUE>', 'environment variable (repeatable)', collect, [])
    .option('-v, --volume <source:path[:ro]>', 'host path or volume to mount (repeatable)', collect, [])
    .option('-p, --publish <host:container[/protocol]>', 'port to map, on the bridge (repeatable)', collect, [])
    .addOption(new Option('--network <name>', 'host, bridge, none, or a network of your own').default('host'))
    .option('--parameter <key=value>', 'any long option of `docker run` (repeatable)', collect, [])
    .option('--workdir <path>', 'working directory', '/mnt/mesos/sandbox')
    .option('--privileged', 'extended privileges')
    .option('--pull', 'pull the image even if it is there')
    .option('--pod <file>', 'a group of tasks that run together, in JSON (docs/pods.md), in place of IMAGE')
    .option('--role <role>', 'role to take offers for', '*')
    .option('--grace <duration>', 'time between SIGTERM and SIGKILL when it is killed, e.g. 10secs', seconds)
    .option('-q, --quiet', 'say nothing but what the task writes')
    .addOption(masterOption())
    .action((image: string | undefined, command: string[], options: RunOptions) =>
      withClient(options.master, (client) => run(client, image, command, options)),
    );
}

async function run(
  client: MasterClient,
  image: string | undefined,
  command: string[],
  options: RunOptions,
): Promise<void> {
  const { pod, master, role, grace, quiet } = options;
  const say = (sentence: string) => void (quiet === true ? undefined : process.stderr.write(`${sentence}\n`));
  if ((pod === undefined) === (image === undefined))
    throw new MesitaError('MESITA_FLAG_INVALID', { message: 'Name either an image or --pod=FILE' });
  if (pod !== undefined) process.exitCode = await runPodFile(client, { file: pod, master, role, grace, say });
  else if (image !== undefined) await runImage(client, { image, command, options, say });
}

interface ImageRun {
  image: string;
  command: string[];
  options: RunOptions;
  say: (sentence: string) => void;
}

async function runImage(client: MasterClient, { image, command, options, say }: ImageRun): Promise<void> {
  const name = options.name ?? basename(image).replace(/:.*/, '');
  const id = `${name}-${randomUUID().slice(0, 8)}`;
  const wrong = invalidId(id);
  if (wrong !== undefined) throw new MesitaError('MESITA_FLAG_INVALID', { message: `--name=${name}: ${wrong}` });
  const uploaded: string[] = [];
  try {
    const uris = await handOver(client, options.uri, uploaded, say);
    const task = taskOf({ id, name, image, command, uris }, options);
    const result = await interruptibleRun(client, task, options, say);
    if (result.exitCode !== 0 || result.state !== 'TASK_FINISHED') say(`${result.state}: ${result.message}`);
    process.exitCode = result.exitCode;
  } finally {
    for (const uri of uploaded) await client.remove(uri).catch(() => undefined);
  }
}

async function interruptibleRun(
  client: MasterClient,
  task: ReturnType<typeof taskOf>,
  options: RunOptions,
  say: (sentence: string) => void,
): ReturnType<typeof runOnce> {
  const over = new AbortController();
  let following: { followers: SandboxFollower[]; done: Promise<unknown> } | undefined;
  const started = (location: TaskLocation) => {
    const followers = [
      new SandboxFollower(client, location, 'stdout', process.stdout),
      new SandboxFollower(client, location, 'stderr', process.stderr),
    ];
    following = { followers, done: Promise.all(followers.map((follower) => follower.follow(over.signal))) };
  };
  let result: Awaited<ReturnType<typeof runOnce>> | undefined;
  const { master, role, grace } = options;
  try {
    await interruptible(async (signal) => {
      result = await runOnce({ master, role, task, signal, grace, progress: say, started });
    });
  } finally {
    over.abort();
    await following?.done;
  }
  // The task is over: its output is complete now.
  for (const follower of following?.followers ?? []) await follower.drain();
  if (result === undefined) throw new MesitaError('MESITA_INTERNAL', { message: 'The run ended without a result' });
  return result;
}

/** Local files go to the master's artifact store, from where agents fetch them; anything with a scheme stays as it is. */
async function handOver(
  client: MasterClient,
  given: string[],
  uploaded: string[],
  say: (sentence: string) => void,
): Promise<CommandInfoURI[]> {
  const uris: CommandInfoURI[] = [];
  for (const value of given) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) {
      uris.push({ value });
      continue;
    }
    if (!existsSync(value)) {
      throw new MesitaError('MESITA_NOT_FOUND', {
        message: `--uri=${value}: there is no such file here, and it is no URL`,
        remedy: 'Name a file that exists, or a URI such as https://… or file:///path/on/the/agent.',
      });
    }
    say(`Handing over ${value}`);
    const uri = await client.upload(value);
    uploaded.push(uri);
    uris.push({ value: uri, output_file: basename(value) });
  }
  return uris;
}
