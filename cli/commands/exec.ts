import type { Command } from 'commander';
import { MesitaError } from '../../protocol/errors.ts';
import type { ContainerID } from '../../protocol/messages.ts';
import { AgentSession } from '../agent-session.ts';
import { type ClusterState, findTask, isOver, readState, type TaskEntry } from '../cluster-state.ts';
import { masterOption, withClient } from '../master-option.ts';

interface ExecOptions {
  master: string;
  framework?: string;
  interactive?: boolean;
  tty?: boolean;
}

export function registerExec(program: Command): void {
  program
    .command('exec')
    .description('run a command in the container of a running task, beside its own; exits with its exit code')
    .usage('[options] TASK COMMAND [ARGUMENTS...]')
    .argument('<task>', 'id or name of the task')
    .argument('<command...>')
    .passThroughOptions()
    .option('-i, --interactive', 'hand it the input of this command')
    .option('-t, --tty', 'give it a terminal')
    .option('--framework <id>', 'the framework of the task, where ids are used twice')
    .addOption(masterOption())
    .action(async (task: string, command: string[], options: ExecOptions) => {
      process.exitCode = await exec(task, command, options);
    });
}

async function exec(given: string, command: string[], options: ExecOptions): Promise<number> {
  const { address, container } = await withClient(options.master, async (client) => {
    const state = await readState(client);
    return placeOf(state, findTask(state, given, options.framework));
  });
  const session = new AgentSession(address, container);
  const interruption = new AbortController();
  const detach = connect(session, options, () => interruption.abort());
  try {
    const { rows, columns } = process.stdout;
    const terminal = process.stdout.isTTY ? { rows, columns } : {};
    const draft = { command, ...(options.tty === true ? { terminal } : {}) };
    return await session.run(draft, { stdout: process.stdout, stderr: process.stderr }, interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    return 130;
  } finally {
    detach();
    await session.close();
  }
}

/** Where the task's agent listens, and the id of the task's container. Throws MESITA_NOT_FOUND. */
function placeOf(state: ClusterState, task: TaskEntry): { address: string; container: ContainerID } {
  const agent = state.slaves.find(({ id }) => id === task.slave_id);
  const container = task.statuses.findLast(({ container_status }) => container_status !== undefined)?.container_status
    ?.container_id;
  if (agent === undefined || container === undefined || isOver(task)) {
    const message = `The task '${task.id}' does not run: it is ${task.state}`;
    throw new MesitaError('MESITA_NOT_FOUND', { message });
  }
  return { address: agent.pid.replace(/^.*@/, ''), container };
}

/**
 * Ties this process's input and its terminal to a session; returns the function that unties them. With a terminal, keys such as Ctrl-C go
 * through to the command; without one, the signals end it.
 */
function connect(session: AgentSession, options: ExecOptions, interrupt: () => void): () => void {
  const { stdin, stdout } = process;
  const raw = options.tty === true && options.interactive === true && stdin.isTTY;
  const take = (chunk: Buffer) => {
    if (session.write(chunk)) return;
    stdin.pause();
    session.drained(() => stdin.resume());
  };
  const end = () => session.endInput();
  const resize = () => session.resize({ rows: stdout.rows, columns: stdout.columns });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  if (raw) stdin.setRawMode(true);
  if (options.tty === true) stdout.on('resize', resize);
  if (options.interactive === true) stdin.on('data', take).once('end', end);
  else if (options.tty !== true) end();
  return () => {
    for (const name of signals) process.off(name, interrupt);
    stdout.off('resize', resize);
    if (raw) stdin.setRawMode(false);
    if (options.interactive !== true) return;
    stdin.off('data', take).off('end', end);
    // It would keep this process alive.
    stdin.destroy();
  };
}
