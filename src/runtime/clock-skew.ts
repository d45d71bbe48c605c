/**
 * How far the clocks of senders are ahead of ours, measured by the times that they say they sent at.
 *
 * What was received `o` after it was sent, by two clocks, took `o` plus the skew in truth, and no way takes less than no
 * time: each negative `o` says that the sender is ahead by that much at least, and the one that came fastest says it best.
 * So the skew is the least `o` of a while, where that is negative. It is never more than the real skew, and less by the time
 * of the fastest way. A sender that is behind cannot be told from one whose messages took long: nothing is said of it.
 */
export interface ClockSkews {
  /**
   * Notes when an occurrence was sent, by its sender's clock, and received, by ours, and answers how far that clock is
   * ahead, as far as it is known by now. Undefined: it is not, or too little was seen. Unix microseconds.
   */
  seen(sender: string, times: { readonly sentUs: number; readonly receivedUs: number }): number | undefined;
}

/** What was seen longer ago counts no more: a clock that was set right is trusted after this time at the latest. */
const windowUs = 10 * 60 * 1_000_000;
const buckets = 10;
const bucketUs = windowUs / buckets;
/**
 * How many of the least are kept of each minute. Not the least itself is taken for the skew, but the second, and of many the
 * eighth: one wrong time among the right ones moves nothing.
 */
const kept = 8;
/** Senders say the time in milliseconds, rounded as they like: so much ahead is none. */
const roundingUs = 1_000;
/** Of one event source entry; beyond it, the one that was heard of longest ago is forgotten. */
const mostSenders = 256;

/** One minute of a sender. */
interface Bucket {
  /** The number of the minute. */
  readonly at: number;
  count: number;
  /** The least received − sent, ascending, at most `kept`. */
  readonly least: number[];
}

export function createClockSkews(): ClockSkews {
  const senders = new Map<string, Bucket[]>();
  return {
    seen(sender, { sentUs, receivedUs }) {
      const known = senders.get(sender) ?? [];
      // the map is in the order of last use
      senders.delete(sender);
      senders.set(sender, known);
      const [oldest] = senders.keys();
      if (senders.size > mostSenders && oldest !== undefined) senders.delete(oldest);
      note(known, Math.floor(receivedUs / bucketUs), receivedUs - sentUs);
      return skewOf(known);
    },
  };
}

/** The time of sending by our clock, as well as it can be told: never after the receipt. */
export function correctedSentUs(times: {
  readonly sentUs: number;
  readonly receivedUs: number;
  readonly skewUs: number | undefined;
}): number {
  return Math.min(times.sentUs - (times.skewUs ?? 0), times.receivedUs);
}

function note(known: Bucket[], at: number, offsetUs: number): void {
  const last = known.at(-1);
  // our own clock was set back: what was measured by it as it was then says nothing now
  if (last !== undefined && last.at > at) known.length = 0;
  while ((known[0]?.at ?? at) <= at - buckets) known.shift();
  let bucket = known.at(-1);
  if (bucket?.at !== at) {
    bucket = { at, count: 0, least: [] };
    known.push(bucket);
  }
  bucket.count += 1;
  const { least } = bucket;
  if (least.length === kept && offsetUs >= (least[kept - 1] ?? 0)) return;
  const place = least.findIndex((one) => one > offsetUs);
  least.splice(place < 0 ? least.length : place, 0, offsetUs);
  if (least.length > kept) least.pop();
}

function skewOf(known: readonly Bucket[]): number | undefined {
  let count = 0;
  let ahead = false;
  for (const bucket of known) {
    count += bucket.count;
    if ((bucket.least[1] ?? bucket.least[0] ?? 0) < -roundingUs) ahead = true;
  }
  if (!ahead) return undefined;
  const rank = Math.min(kept - 1, 1 + Math.floor(count / 100));
  const least = known.flatMap((bucket) => bucket.least).sort((a, b) => a - b);
  const offsetUs = least[rank];
  return offsetUs !== undefined && offsetUs < -roundingUs ? -offsetUs : undefined;
}
