import type { AgentResponse } from '../../protocol/messages.ts';
import type { NestedContainer } from '../nested/nested-container.ts';

export interface Refusal {
  refusal: 'badRequest' | 'notFound' | 'conflict' | 'failed' | 'notImplemented';
  text: string;
}

/**
 * What a call comes to. `accepted`: it was done before. `output` and `input` are of a nested container; who has the output of a `session`
 * keeps it alive.
 */
export type Outcome =
  | { response: AgentResponse }
  | 'done'
  | 'accepted'
  | { output: NestedContainer; session: boolean }
  | { input: NestedContainer }
  | Refusal;
