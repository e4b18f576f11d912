import { updateTask } from '../../../../master/commands/update-task.ts';
import { asAgentId, type FrameworkId } from '../../../../protocol/ids.ts';
import { decodeJson } from '../../../../protocol/json-codec.ts';
import type { MasterEvent, MasterResponse, SchedulerCall } from '../../../../protocol/messages.ts';
import { bytesOf, isExchange, readRecording } from '../../../conformance/recording.ts';
import { MasterWorld } from '../../../support/master-world.ts';

/** The id of the recorded master; the master of a MasterWorld is called M. */
export const recordedMaster = '5a608c07-e8ac-4019-957c-c61c63a97a6d';

/** A recorded exchange's request and answer, with the ids of a MasterWorld. */
function exchange(file: string, name: string): { request: string; answer: string; chunks: string[] } {
  const found = readRecording(file).find((line) => isExchange(line) && line.name === name);
  if (found === undefined || !isExchange(found)) throw new Error(`${file} has no ${name}`);
  const text = (payload: Parameters<typeof bytesOf>[0]) => bytesOf(payload).toString().replaceAll(recordedMaster, 'M');
  const { request, response } = found;
  return { request: text(request.body), answer: text(response.body), chunks: (response.chunks ?? []).map(text) };
}

/** The answer of the recorded master to an operator call at some moment, e.g. `GET_TASKS [tasks running]`. */
export function recordedAnswer(call: string): MasterResponse {
  return JSON.parse(exchange('d_master_operator', `op:${call}`).answer);
}

/** The events of the recorded operator stream up to the moment when all tasks were running. */
export function recordedEvents(): MasterEvent[] {
  const { chunks } = exchange('d_operator_subscribe', 'op:SUBSCRIBE(stream)');
  const events = chunks.map((chunk): MasterEvent => JSON.parse(chunk.slice(chunk.indexOf('\n') + 1)));
  const running = events.findLastIndex(({ task_updated }) => task_updated?.state === 'TASK_RUNNING');
  return events.slice(0, running + 1).filter(({ type }) => type !== 'HEARTBEAT');
}

function recordedCall(name: string): SchedulerCall {
  const decoded = decodeJson('SchedulerCall', exchange('d_framework_traffic', name).request);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

/** The recorded cluster in a MasterWorld: its agent, its frameworks, what they launched, and what became of that. */
export class RecordedCluster {
  readonly world = new MasterWorld();
  readonly #frameworks: FrameworkId[] = [];

  constructor() {
    const agent = recordedEvents()[0]?.subscribed?.get_state?.get_agents?.agents?.[0];
    if (agent === undefined) throw new Error('the recording begins without an agent');
    const { checkpoint: _checkpoint, id: _id, ...info } = agent.agent_info;
    this.world.register({
      agent: info,
      address: { hostname: 'localhost', ip: '127.0.0.1', port: 6051 },
      version: '0.0.0',
      tasks: [],
      executors: [],
      operations: [],
      total: info.resources ?? [],
      frameworks: [],
    });
  }

  subscribe(): void {
    for (const name of ['d:SUBSCRIBE(stream)', 'd0:SUBSCRIBE(stream)']) {
      const info = recordedCall(name).subscribe?.framework_info;
      const subscription = info && this.world.subscription(info);
      if (subscription === undefined || 'refusal' in subscription) throw new Error(subscription?.refusal);
      this.world.did(subscription.before);
      this.world.did(subscription.after);
      this.#frameworks.push(subscription.framework);
    }
    this.world.call(this.#framework(1), { type: 'SUPPRESS' });
  }

  launch(): void {
    const call = recordedCall('d:LAUNCH');
    const offer = this.world.offer(this.#framework(0));
    this.world.call(this.#framework(0), { ...call, accept: { ...call.accept, offer_ids: [offer.id] } });
  }

  /** Every update of the recording, each acknowledged, and then an offer of what is left. */
  update(): void {
    for (const { task_updated } of recordedEvents()) {
      if (task_updated === undefined) continue;
      const { framework_id, status, state: latest_state } = task_updated;
      const agent = asAgentId(status.agent_id?.value ?? '');
      const update = { framework_id: framework_id.value, status, latest_state };
      this.world.did(updateTask(this.world.state, agent, update, this.world.now));
      this.world.acknowledge(this.#framework(0), agent, status.task_id.value, status.uuid ?? '');
    }
    this.world.now += 10_000;
    this.world.offer(this.#framework(0));
  }

  #framework(index: number): FrameworkId {
    const framework = this.#frameworks[index];
    if (framework === undefined) throw new Error('the frameworks have not subscribed');
    return framework;
  }
}
