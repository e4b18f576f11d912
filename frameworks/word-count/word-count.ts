import { MesitaError } from '../../protocol/errors.ts';
import type { Offer, TaskInfo, TaskStatus } from '../../protocol/messages.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { MasterClient, resources, SchedulerDriver, timesFitting } from '../../scheduler/index.ts';

/** A piece of the text that begins and ends between words. */
export interface Chunk {
  name: string;
  /** Where an agent fetches it. */
  uri: string;
}

export interface CountedChunk {
  name: string;
  agent: string;
  /** From the accepted offer to the end of the task. */
  seconds: number;
  words: number;
  /** MB */
  peakMemory: number;
}

export interface WordCountOptions {
  master: string;
  image: string;
  chunks: Chunk[];
  /** The URI of split_and_count.sh. */
  script: string;
  /** LC_ALL in the tasks, since what a word is depends on it. */
  locale: string;
  signal: AbortSignal;
  onCounted(chunk: CountedChunk): void;
}

const demand = resources({ cpus: 0.25, mem: 64 });

/** Counts words, one Docker task a chunk: a whole Mesos framework. Throws when a task fails or the signal aborts. */
export async function countWords({
  master,
  image,
  chunks,
  script,
  locale,
  signal,
  onCounted,
}: WordCountOptions): Promise<number> {
  if (chunks.length === 0) return 0;
  const waiting = chunks.map((chunk, index) => ({ ...chunk, id: `count-${String(index + 1).padStart(3, '0')}` }));
  const running = new Map<string, { chunk: Chunk; agent: string; since: number }>();
  const client = new MasterClient(master);
  let total = 0;

  const taskFor = (chunk: (typeof waiting)[number], offer: Offer): TaskInfo => ({
    name: chunk.name,
    task_id: { value: chunk.id },
    agent_id: offer.agent_id,
    resources: demand,
    container: {
      type: 'DOCKER',
      docker: { image, network: 'NONE', parameters: [{ key: 'workdir', value: '/mnt/mesos/sandbox' }] },
    },
    command: {
      value: `exec sh split_and_count.sh ${chunk.name} 1`,
      uris: [
        { value: chunk.uri, output_file: chunk.name },
        { value: script, output_file: 'split_and_count.sh' },
      ],
      environment: { variables: [{ name: 'LC_ALL', value: locale }] },
    },
  });

  const offers = async (received: Offer[]): Promise<void> => {
    for (const offer of received) {
      const batch = waiting.splice(0, timesFitting(offer, demand, waiting.length));
      for (const chunk of batch) running.set(chunk.id, { chunk, agent: offer.hostname, since: Date.now() });
      await scheduler.launch(
        [offer],
        batch.map((chunk) => taskFor(chunk, offer)),
      );
    }
    if (waiting.length === 0) await scheduler.suppress();
  };

  const update = async (status: TaskStatus): Promise<void> => {
    const task = running.get(status.task_id.value);
    if (task === undefined || !isTerminal(status.state)) return;
    if (status.state !== 'TASK_FINISHED') {
      const message = `${task.chunk.name}: ${status.state}: ${status.message ?? ''}`;
      throw new MesitaError('MESITA_TASK_FAILED', { message });
    }
    const location = {
      agentId: status.agent_id?.value ?? '',
      frameworkId: scheduler.frameworkId ?? '',
      taskId: status.task_id.value,
    };
    const output = await client.sandboxText(location, 'stdout');
    // Not before its output is here: when the master is away meanwhile, the update comes again.
    running.delete(status.task_id.value);
    const words = Number(/total (\d+) words/.exec(output)?.[1]);
    const peakMemory = Number(/peak (\d+) bytes/.exec(output)?.[1]) / 2 ** 20;
    total += words;
    onCounted({
      name: task.chunk.name,
      agent: task.agent,
      seconds: (Date.now() - task.since) / 1000,
      words,
      peakMemory,
    });
    await scheduler.acknowledge(status);
    if (running.size + waiting.length === 0) await scheduler.teardown();
  };

  const framework = { user: 'root', name: 'word-count' };
  const scheduler = new SchedulerDriver({ master, framework, handlers: { offers, update } });
  try {
    await scheduler.run(signal);
  } finally {
    await client.close();
  }
  signal.throwIfAborted();
  return total;
}
