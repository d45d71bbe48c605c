import type { Event } from "../lib/event.ts";
import type { NewEvent } from "./bus.ts";

/** The id of the event number `n`: 32 hexadecimal digits, as the ids of the runtime are. */
export function numberedId(n: number): string {
  return n.toString(16).padStart(32, "0");
}

/** An event number `n` of the webhook `orders`, new to the bus. */
export function numberedEvent(
  n: number,
  { data = Buffer.from("{}"), receivedUs = 1_000 }: { readonly data?: Uint8Array; readonly receivedUs?: number } = {},
): NewEvent {
  return { event: eventOf(numberedId(n), data), receivedUs, dedup: true };
}

/** An event of the webhook `orders`. */
export function eventOf(id: string, data: Uint8Array): Event {
  return {
    id,
    source: "web",
    type: "webhook",
    subject: "orders",
    time: "2026-01-05T09:00:00Z",
    datacontenttype: "application/json",
    data,
    extensions: {},
  };
}
