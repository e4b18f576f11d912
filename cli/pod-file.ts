import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { PodDraft } from '../frameworks/run/pod.ts';
import { decodeMessage } from '../protocol/codec.ts';
import { describeError, MesitaError } from '../protocol/errors.ts';
import { resources } from '../scheduler/index.ts';

type Json = Record<string, unknown>;

/**
 * A pod from a file: `{"tasks": […], "executor": {…}}`, in JSON and in the words of a LAUNCH_GROUP (TaskInfo, ExecutorInfo). What may be left out:
 * ids, which are made of names and `tag`; the executor; and resources, which are small then. Throws MESITA_FLAG_INVALID, MESITA_NOT_FOUND.
 */
export async function readPod(path: string, tag: string): Promise<PodDraft> {
  const content = await readJson(path);
  const given = Array.isArray(content.tasks) ? content.tasks.filter(isObject) : [];
  if (given.length === 0) throw invalid(path, 'it has no "tasks"');
  const pod = `${basename(path).replace(/\.\w+$/, '')}-${tag}`;
  const tasks = given.map((task, index) => {
    const name = typeof task.name === 'string' ? task.name : `task-${index + 1}`;
    const task_id = { value: `${name}-${tag}` };
    return { name, task_id, resources: resources({ cpus: 0.1, mem: 64 }), ...task, agent_id: { value: '' } };
  });
  const executor = {
    executor_id: { value: pod },
    resources: resources({ cpus: 0.1, mem: 32, disk: 10 }),
    ...(isObject(content.executor) ? content.executor : {}),
    type: 'DEFAULT',
  };
  const group = decoded(path, 'TaskGroupInfo', { tasks });
  return { executor: decoded(path, 'ExecutorInfo', executor), tasks: group.tasks ?? [] };
}

function decoded<Type extends 'TaskGroupInfo' | 'ExecutorInfo'>(path: string, type: Type, content: Json) {
  const message = decodeMessage('application/json', type, Buffer.from(JSON.stringify(content)));
  if (!message.ok) throw invalid(path, message.error);
  return message.value;
}

async function readJson(path: string): Promise<Json> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new MesitaError('MESITA_NOT_FOUND', { message: `--pod=${path}: ${describeError(cause)}`, cause });
  }
  try {
    const content: unknown = JSON.parse(text);
    if (isObject(content)) return content;
  } catch (cause) {
    throw invalid(path, describeError(cause));
  }
  throw invalid(path, 'it is no JSON object');
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, why: string): MesitaError {
  return new MesitaError('MESITA_FLAG_INVALID', { message: `--pod=${path}: ${why}` });
}
