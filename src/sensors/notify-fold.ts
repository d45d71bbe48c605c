import type { FoldedSample } from "./notify-failure.ts";

/**
 * A window of folding: it begins with a failure that was told at once; those after it, of the same kind, are counted until
 * it ends, and told together then. The next window begins with the next failure: told at once, unless the last window had
 * counted some and has only just ended, in which case it is counted too. So a failure that goes on is told once a window.
 * Times are Unix microseconds.
 */
export interface FoldWindow {
  readonly fromUs: number;
  readonly untilUs: number;
  /** What was counted so far is under this id; absent: nothing yet. */
  readonly timer?: string;
}

/** What a window counted, to be told at its end. */
export interface FoldedCount {
  readonly count: number;
  readonly sinceUs: number;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly samples: readonly FoldedSample[];
}

export type FoldStep =
  | { readonly tell: "now"; readonly window: FoldWindow }
  /** `opens`: it is the first of its window, so that somebody must look at the end of it. */
  | { readonly tell: "later"; readonly window: Opened; readonly opens: boolean };

type Opened = FoldWindow & { readonly timer: string };

export interface FoldInput {
  readonly window: FoldWindow | undefined;
  /** Whether what the window counted has not been told yet. */
  readonly counting: boolean;
  readonly atUs: number;
  readonly windowUs: number;
  /** The id of the count of a window that begins then. */
  readonly timerOf: (fromUs: number) => string;
}

/** What becomes of one more failure. Pure; where the clock went back, it counts in the window that is open. */
export function foldStep({ window, counting, atUs, windowUs, timerOf }: FoldInput): FoldStep {
  const fresh: FoldStep = { tell: "now", window: { fromUs: atUs, untilUs: atUs + windowUs } };
  // back by more than a window: the end of the open one would be far away
  if (window === undefined || atUs < window.fromUs - windowUs) return fresh;
  if (atUs < window.untilUs) {
    if (opened(window)) return counting ? { tell: "later", window, opens: false } : fresh;
    return { tell: "later", window: { ...window, timer: timerOf(window.fromUs) }, opens: true };
  }
  if (window.timer === undefined || atUs >= window.untilUs + windowUs) return fresh;
  const { untilUs: fromUs } = window;
  return { tell: "later", window: { fromUs, untilUs: fromUs + windowUs, timer: timerOf(fromUs) }, opens: true };
}

function opened(window: FoldWindow): window is Opened {
  return window.timer !== undefined;
}

/** Nothing is known any more that would be asked again. */
export function isOver({ untilUs, fromUs, timer }: FoldWindow, nowUs: number): boolean {
  return nowUs >= (timer === undefined ? untilUs : untilUs + (untilUs - fromUs));
}

const mostSamples = 5;

export function counted(
  count: FoldedCount | undefined,
  { atUs, sinceUs, sample }: { readonly atUs: number; readonly sinceUs: number; readonly sample: FoldedSample },
): FoldedCount {
  if (count === undefined) return { count: 1, sinceUs, firstUs: atUs, lastUs: atUs, samples: [sample] };
  return {
    ...count,
    count: count.count + 1,
    lastUs: Math.max(count.lastUs, atUs),
    samples: count.samples.length < mostSamples ? [...count.samples, sample] : count.samples,
  };
}
