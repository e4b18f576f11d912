import type { Clock } from '../../runtime/clock.ts';
import type { Addresses } from './comparison.ts';
import type { Deed } from './sessions.ts';

/** The master and agent under test. */
export interface Subject {
  addresses: Addresses;
  /** How many times faster than the recording's its time runs. */
  speed: number;
  /** Its time. */
  clock: Clock;
  /** Does something to the agent or to the master; absent where nobody can. */
  act?(deed: Deed): Promise<void>;
}
