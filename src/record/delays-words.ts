import type { Delays, Hop } from "./record.ts";

/** The hops in order, as people read them. */
export const hopWords: Readonly<Record<Hop, { readonly title: string; readonly says: string }>> = {
  "sent-received": { title: "sent → received", says: "from the sender's own time to our source" },
  "received-stored": { title: "received → stored", says: "until the bus holds it durably" },
  "stored-fired": { title: "stored → fired", says: "until a sensor's condition is satisfied by it" },
  "fired-done": { title: "fired → done", says: "queue, attempts and retries of the trigger" },
  total: { title: "total", says: "the whole way, from sent (or received) to done" },
};

/** Milliseconds with three digits that mean something, in the unit that fits. */
export function durationText(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1_000) return `${digits(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${digits(ms / 60_000)} min`;
  return `${digits(ms / 3_600_000)} h`;
}

function digits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** What to say about senders whose clock is ahead of ours; nothing when there are none. */
export function clockWarnings(ahead: Delays["aheadOfUs"]): readonly string[] {
  return ahead.map(({ source, count, corrected, mostMs }) => {
    const rest = count - corrected;
    const left = `${rest === 1 ? "1 event was" : `${rest} events were`} received before being sent, and left out of sent → received`;
    const right = `the times of sending of ${corrected === 1 ? "1 event" : `${corrected} events`} are corrected`;
    const says = [...(corrected === 0 ? [] : [right]), ...(rest === 0 ? [] : [left])].join("; ");
    return `the clock of a sender to ${source} is up to ${durationText(mostMs)} ahead of ours: ${says}`;
  });
}

/** UTC, to the millisecond. */
export function timeText(us: number): string {
  const date = new Date(us / 1000);
  return Number.isNaN(date.getTime()) ? String(us) : date.toISOString();
}
