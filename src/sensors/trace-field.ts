import type { Event } from "../lib/event.ts";

/** The trace that an event brought, as a field of a fact: absent ones cost no bytes. */
export function traceField(event: Event | undefined): { readonly trace?: string } {
  const trace = event?.extensions.traceparent;
  return trace === undefined ? {} : { trace };
}
