import type { AgentResponse } from '../../protocol/messages.ts';
import type { OperatedContainer } from '../nested/operated-container.ts';

export interface Refusal {
  refusal: 'badRequest' | 'notFound' | 'conflict' | 'failed' | 'notImplemented';
  text: string;
}

/**
 * What a call comes to. `accepted`: it was done before. `output` and `input` are of a container; who has the output of a `session`
 * keeps it alive.
 */
export type Outcome =
  | { response: AgentResponse }
  | 'done'
  | 'accepted'
  | { output: OperatedContainer; session: boolean }
  | { input: OperatedContainer }
  | Refusal;
