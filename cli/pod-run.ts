import { randomUUID } from 'node:crypto';
import { finished } from 'node:stream/promises';
import { type PodDraft, type PodResult, runPod } from '../frameworks/run/pod.ts';
import { MesitaError } from '../protocol/errors.ts';
import type { MasterClient } from '../scheduler/index.ts';
import { NamedLines } from './named-lines.ts';
import { readPod } from './pod-file.ts';
import { SandboxFollower } from './sandbox-follower.ts';
import { interruptible } from './setup/interruption.ts';

export interface PodRun {
  file: string;
  master: string;
  role: string;
  grace: number | undefined;
  say: (sentence: string) => void;
}

interface Followed {
  follower: SandboxFollower;
  lines: NamedLines;
  done: Promise<void>;
}

/** `mesita run --pod`: the tasks of a file, with what they write under their names. Resolves with the exit code. */
export async function runPodFile(client: MasterClient, { file, master, role, grace, say }: PodRun): Promise<number> {
  const pod = await readPod(file, randomUUID().slice(0, 8));
  const over = new AbortController();
  const followed: Followed[] = [];
  const follow = (task: string, at: { agentId: string; frameworkId: string }) => {
    const location = { ...at, taskId: pod.executor.executor_id.value };
    for (const stream of ['stdout', 'stderr'] as const) {
      const lines = new NamedLines(nameOf(pod, task), process[stream]);
      const follower = new SandboxFollower(client, location, `tasks/${task}/${stream}`, lines);
      followed.push({ follower, lines, done: follower.follow(over.signal) });
    }
  };
  let result: PodResult | undefined;
  try {
    await interruptible(async (signal) => {
      result = await runPod({ master, role, pod, signal, grace, progress: say, started: follow });
    });
  } finally {
    over.abort();
    await Promise.all(followed.map(({ done }) => done));
  }
  // The tasks are over: their output is complete now.
  for (const { follower, lines } of followed) {
    await follower.drain();
    lines.end();
    await finished(lines);
  }
  if (result === undefined) throw new MesitaError('MESITA_INTERNAL', { message: 'The run ended without a result' });
  return result.exitCode;
}

function nameOf({ tasks }: PodDraft, id: string): string {
  return tasks.find(({ task_id }) => task_id.value === id)?.name ?? id;
}
