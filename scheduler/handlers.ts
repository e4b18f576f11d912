import type {
  InverseOffer,
  MasterInfo,
  Offer,
  OperationStatus,
  SchedulerEvent,
  SchedulerEventFailure,
  SchedulerEventMessage,
  TaskStatus,
} from '../protocol/messages.ts';

/** How an update came. */
export interface Delivery {
  /** The handler was through with this very update (the same uuid) before: only its acknowledgement was lost. */
  repeated: boolean;
}

type Handled = void | Promise<void>;

/**
 * What a framework does about events; each may be left out. They run one at a time in the order of the events: a promise that one returns is
 * waited for before the next. What one throws ends `run()`, unless there is `handlerFailed`.
 */
export interface SchedulerHandlers {
  /** After each subscription, so also after a break. */
  subscribed?(frameworkId: string, master: MasterInfo | undefined): Handled;
  /** Nothing may be made of these any more once the subscription on which they came is over; then they are not handed over. */
  offers?(offers: Offer[]): Handled;
  inverseOffers?(inverseOffers: InverseOffer[]): Handled;
  rescind?(offerId: string): Handled;
  rescindInverseOffer?(inverseOfferId: string): Handled;
  /** Acknowledged once this is through (never when it throws: then the agent repeats it), unless `acknowledge: 'by hand'`. */
  update?(status: TaskStatus, delivery: Delivery): Handled;
  /** The same for the operations that carry an id. */
  operationUpdate?(status: OperationStatus, delivery: Delivery): Handled;
  /** From an executor; best effort. `data` is base64. */
  message?(message: SchedulerEventMessage): Handled;
  /** An agent was removed, or an executor ended. */
  failure?(failure: SchedulerEventFailure): Handled;
  heartbeat?(): Handled;
  /** There is no subscription: it broke, or could not be made. It is tried again. */
  disconnected?(reason: string): Handled;
  /** A handler threw at this event. With this, `run()` goes on. */
  handlerFailed?(error: unknown, event: SchedulerEvent): void;
}
