import { between } from "./random.ts";

/** A number, or a range in which it is drawn each time. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Messages come in bursts, with pauses between them. */
export interface Bursts {
  /** How many messages a burst has. */
  readonly size: Range;
  readonly pauseMs: Range;
}

export interface Pace {
  /** Within a burst, where there are bursts; undefined: as fast as the target takes them. */
  readonly perSecond: number | undefined;
  readonly bursts?: Bursts | undefined;
}

/**
 * When each message is due, in milliseconds from the start. Times are worked out from the start of their burst, never from the
 * message before, so that nothing drifts: the millionth at 300 a second is due after 3,333,333.3 ms.
 */
export function* dueTimes({ perSecond, bursts }: Pace, random: () => number): Iterable<number> {
  const stepMs = perSecond === undefined ? 0 : 1_000 / perSecond;
  for (let startMs = 0; ; ) {
    const size = bursts === undefined ? Number.POSITIVE_INFINITY : between(bursts.size.low, bursts.size.high, random);
    for (let n = 0; n < size; n++) yield startMs + n * stepMs;
    if (bursts === undefined) return;
    startMs += size * stepMs + between(bursts.pauseMs.low, bursts.pauseMs.high, random);
  }
}
