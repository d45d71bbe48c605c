import type { BatchItem, Call } from "../../kit/trigger.ts";
import type { Event } from "../../lib/event.ts";
import { dataOf } from "../event-data.ts";
import type { FunctionConfig } from "./config.ts";
import type { Order, WireEvent, WireItem } from "./messages.ts";

export type FunctionCall = Call<FunctionConfig, undefined>;

/** What of a call goes to where its function runs. */
export function orderOf(call: FunctionCall, remainingMs: number): Omit<Order, "call"> {
  const { namespace, sensor, trigger, attempt, key, config, batch, trace } = call;
  const { traceparent, tracestate } = trace.context;
  return {
    ...{ namespace, sensor, trigger, attempt, key, remainingMs, traceparent },
    ...(trace.round === undefined ? {} : { round: trace.round }),
    ...(tracestate === undefined ? {} : { tracestate }),
    batch: batch !== undefined,
    items: (batch?.items ?? [{ ...call, trace: trace.context }]).map(itemOf),
    emits: config.emit !== undefined && batch === undefined,
    emitsTo: config.emit !== undefined,
  };
}

function itemOf(item: Pick<BatchItem<unknown>, "key" | "payload" | "events" | "trace">): WireItem {
  const events = [...item.events].map(([dependency, event]) => wireOf(dependency, event));
  // a stable sort: of two that came in one moment the later dependency is the last
  events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const plain = item.payload === undefined && events.length === 1;
  const named = { key: item.key, traceparent: item.trace.traceparent, events };
  return plain ? named : { ...named, input: textOf(dataOf(item)) };
}

function wireOf(dependency: string, event: Event): WireEvent {
  const { id, source, subject, type, time, extensions, data } = event;
  return { dependency, id, source, subject, type, time, extensions, text: textOf(data) };
}

/** A Buffer decodes a small text four times faster than a TextDecoder. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}
