import type { ExecutorRecord } from '../../agent/state.ts';
import { executorKey } from '../../agent/state.ts';
import { uuidToBase64 } from '../../protocol/ids.ts';
import type {
  ExecutorCallSubscribe,
  ExecutorEvent,
  ExecutorInfo,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocol/messages.ts';
import type { AgentRoom } from './agent-room.ts';
import { resourcesOf } from './master-messages.ts';
import { until } from './virtual-clock.ts';

/** A custom executor that runs `./executor`, and holds some resources. */
export function executorInfo(id: string, change: Partial<ExecutorInfo> = {}): ExecutorInfo {
  return {
    type: 'CUSTOM',
    executor_id: { value: id },
    framework_id: { value: 'F' },
    command: { value: './executor' },
    resources: resourcesOf('cpus:0.5;mem:32'),
    ...change,
  };
}

export function executorTask(id: string, executor: ExecutorInfo, change: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: 'S' },
    executor,
    resources: resourcesOf('cpus:1;mem:64'),
    ...change,
  };
}

/** An executor's end of the stream in an AgentRoom, and what it says. */
export class RoomExecutor {
  readonly events: ExecutorEvent[] = [];
  readonly record: ExecutorRecord;
  ended = false;
  readonly #room: AgentRoom;
  readonly #stream = {
    write: (event: string | Uint8Array) => void this.events.push(JSON.parse(String(event)) as ExecutorEvent),
    end: () => {
      this.ended = true;
    },
  };

  private constructor(room: AgentRoom, record: ExecutorRecord) {
    this.#room = room;
    this.record = record;
  }

  /** Waits for the container of an executor, and subscribes. */
  static async subscribe(room: AgentRoom, id: string, call: ExecutorCallSubscribe = {}): Promise<RoomExecutor> {
    await until(`${id} runs`, () => room.state.executors.get(executorKey('F', id))?.phase === 'running');
    return RoomExecutor.again(room, room.executor(id), call);
  }

  static again(room: AgentRoom, record: ExecutorRecord, call: ExecutorCallSubscribe = {}): RoomExecutor {
    const executor = new RoomExecutor(room, record);
    room.performer.subscribeExecutor(record, call, { stream: executor.#stream, encode: JSON.stringify });
    return executor;
  }

  /** e.g. `SUBSCRIBED`, `LAUNCH t1`, `LAUNCH_GROUP t2 t3`, `KILL t1`, `ACKNOWLEDGED t1`; those since the last look. */
  heard(): string[] {
    return this.events.splice(0).map(({ type, launch, launch_group, kill, acknowledged }) => {
      const group = launch_group?.task_group.tasks ?? [];
      const tasks = [launch?.task, ...group, kill, acknowledged].flatMap((one) => one?.task_id.value ?? []);
      return [type, ...tasks].join(' ');
    });
  }

  /** UPDATE; the status that was sent. */
  update(task: string, state: TaskState, change: Partial<TaskStatus> = {}): TaskStatus {
    const status: TaskStatus = {
      task_id: { value: task },
      state,
      source: 'SOURCE_EXECUTOR',
      uuid: uuidToBase64(crypto.randomUUID()),
      ...change,
    };
    this.#room.performer.takeUpdate(this.record, status);
    return status;
  }

  message(text: string): void {
    this.#room.performer.takeMessage(this.record, Buffer.from(text).toString('base64'));
  }

  /** The connection breaks. */
  leave(): void {
    this.#room.performer.executorStreamClosed(this.record, this.#stream);
  }
}
