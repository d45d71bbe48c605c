import type { FactChunk } from "../../bus/bus.ts";
import type { StoreOptions } from "../options.ts";
import type {
  Audit,
  DelayQuery,
  DelaySample,
  Delays,
  EventPage,
  EventQuery,
  History,
  RecordedBus,
  RecordedEvent,
  RecordedFiring,
  RecordedTrace,
  RecordRange,
  TraceQuery,
} from "../record.ts";
import type { RetainCursor, Retained } from "./retain.ts";

/** What the reading thread is asked, and answers. */
export interface Questions {
  readonly events: [EventQuery, EventPage];
  readonly event: [string, RecordedEvent | undefined];
  readonly history: [string, History];
  readonly firing: [string, RecordedFiring | undefined];
  readonly audit: [RecordRange, Audit];
  readonly delays: [DelayQuery, Delays];
  readonly samples: [DelayQuery & { readonly limit: number }, readonly DelaySample[]];
  readonly trace: [TraceQuery, RecordedTrace | undefined];
}

/** What a thread is asked: `open` first, `close` last. */
export interface Calls extends Questions {
  readonly open: [StoreOptions, undefined];
  readonly close: [undefined, undefined];
  readonly place: [RecordedBus, number];
  readonly apply: [{ readonly bus: RecordedBus; readonly chunks: readonly FactChunk[] }, undefined];
  readonly retain: [{ readonly olderThanUs: number; readonly after: RetainCursor | undefined }, Retained];
}

export type CallName = keyof Calls;

export interface Call {
  readonly id: number;
  readonly name: CallName;
  readonly asked: unknown;
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly code: string; readonly message: string };
