/**
 * One CloudEvent 1.0 as plain data. The bytes of `data` stay as they came: nothing re-serialises them.
 * When the sender sent it, where known, is the extension `senttime` (RFC 3339, microseconds), never `time`,
 * which is the moment tidemill made the event (as Argo Events does).
 */
export interface Event {
  /** 32 hex digits, or Kafka's `<source>:<name>:<broker>:<topic>:<partition>:<offset>` (reference 1.6, 2). */
  readonly id: string;
  /** The EventSource's name. */
  readonly source: string;
  /** The source type's word in `context.type`, such as `webhook` or `sqs`. */
  readonly type: string;
  /** The event name: the key of the entry in its EventSource. */
  readonly subject: string;
  /** RFC 3339 with fractional seconds, UTC. */
  readonly time: string;
  readonly datacontenttype: string;
  readonly data: Uint8Array;
  readonly extensions: Readonly<Record<string, string>>;
}

/** What became of one draft. `stored` and `duplicate` mean that the bus holds it durably. */
export type ReceiptOutcome = "stored" | "duplicate" | "filtered" | "refused";

export interface Receipt {
  readonly id: string;
  readonly outcome: ReceiptOutcome;
  /** Why it was filtered or refused, in a sentence. */
  readonly reason?: string;
  /** Where the data is not as its schema says: the sender of a refused draft is told. */
  readonly faults?: readonly DataFault[];
}

/** One thing that is wrong with data, and where: `body.items[2].sku` and `must be string, not integer`. */
export interface DataFault {
  readonly path: string;
  readonly message: string;
}
