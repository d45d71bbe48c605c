import type { DelaySample, Hop } from "../record.ts";

/** The hops in the order of an event's way, and the way as a whole. */
export const hops: readonly Hop[] = ["sent-received", "received-stored", "stored-fired", "fired-done", "total"];

/** The times of one event and one of its firings. */
export interface HopTimes {
  readonly sent_us: number | null;
  /** How far the sender's clock was ahead, as estimated. */
  readonly skew_us: number | null;
  readonly received_us: number;
  readonly stored_us: number | null;
  readonly fired_us: number | null;
  readonly done_us: number | null;
}

/** Senders say the time in milliseconds, rounded as they like: so much "before it was sent" is no clock that is ahead. */
const roundingUs = 1_000;

/** How far the sender's clock is ahead, in microseconds: as estimated, or as this event alone shows; 0 when it is not. */
export function aheadUs({ sent_us, skew_us, received_us }: HopTimes): number {
  if (sent_us === null) return 0;
  const shown = sent_us - received_us > roundingUs ? sent_us - received_us : 0;
  return Math.max(skew_us ?? 0, shown);
}

/** When it was sent, by our clock; null where the sender's is ahead by more than is known, so that nothing can be said. */
export function sentUs({ sent_us, skew_us, received_us }: HopTimes): number | null {
  if (sent_us === null) return null;
  const corrected = sent_us - (skew_us ?? 0);
  return corrected - received_us > roundingUs ? null : corrected;
}

/**
 * The hops of a way, in microseconds; a hop is absent when one of its two times is not known. A sender's clock that is ahead
 * of ours is corrected by as much as was estimated; where it is further ahead than that, the first hop is unknown too, and
 * `total` counts from the receipt, as it does without a time of sending.
 * A delay below 0 otherwise (our own clock was set back) counts as 0.
 */
export function hopsUs(times: HopTimes): Readonly<Partial<Record<Hop, number>>> {
  const { received_us, stored_us, fired_us, done_us } = times;
  const sent = sentUs(times);
  const found: Partial<Record<Hop, number>> = {};
  if (sent !== null) found["sent-received"] = Math.max(received_us - sent, 0);
  if (stored_us !== null) found["received-stored"] = Math.max(stored_us - received_us, 0);
  if (stored_us !== null && fired_us !== null) found["stored-fired"] = Math.max(fired_us - stored_us, 0);
  if (fired_us !== null && done_us !== null) found["fired-done"] = Math.max(done_us - fired_us, 0);
  if (done_us !== null) found.total = Math.max(done_us - (sent ?? received_us), 0);
  return found;
}

export interface WayRow extends HopTimes {
  readonly id: string;
  readonly source: string;
  readonly sensor: string | null;
  readonly trigger_name: string | null;
}

export function sampleOf(row: WayRow): DelaySample {
  const hopsMs: Partial<Record<Hop, number>> = {};
  const found = hopsUs(row);
  for (const hop of hops) {
    const us = found[hop];
    if (us !== undefined) hopsMs[hop] = us / 1000;
  }
  return {
    event: row.id,
    source: row.source,
    sensor: row.sensor ?? undefined,
    trigger: row.trigger_name ?? undefined,
    receivedUs: row.received_us,
    hopsMs,
  };
}
