import type { Product } from "../product.ts";
import { until } from "../until.ts";
import type { CountingTarget } from "./counting-target.ts";

/** When a run is killed. */
export type Moment = "starting" | "taking in" | "deciding" | "acting";

export interface Killing {
  readonly kills: number;
  /** They take turns. */
  readonly moments: readonly Moment[];
  readonly start: (untilReady: boolean) => Promise<Product>;
  readonly target: CountingTarget;
  /** How many calls of the target are answered with 503, one in so many; none unless given. */
  readonly failingOneIn?: { readonly path: string; readonly calls: number };
  /** Events handed in, or calls, so far: what grows while tidemill works. */
  readonly progress: () => number;
  /** Before a kill while it takes in: the upstream takes no acknowledgement any more. */
  readonly holdUpstream?: () => Promise<unknown>;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly tell: (text: string) => void;
}

export interface Killed {
  /** Started once more, and ready. */
  readonly product: Product;
  /** Kills by moment. */
  readonly counts: ReadonlyMap<Moment, number>;
}

/**
 * Kills and starts anew. `starting`: before it is ready, as far as the last start tells. The others come after some progress: `taking in`
 * at any point of the work, `deciding` at the instant in which an event has been acknowledged, `acting` while a call is at
 * the target, which is never answered.
 */
export async function killAgainAndAgain(killing: Killing): Promise<Killed> {
  const { kills, moments, random, signal } = killing;
  const counts = new Map<Moment, number>();
  const calls = answerCalls(killing);
  let startMs = 1_000;
  for (let run = 0; run < kills; run++) {
    signal.throwIfAborted();
    const moment = moments[run % moments.length] ?? "taking in";
    const beganMs = performance.now();
    const product = await killing.start(moment !== "starting");
    if (moment === "starting") {
      await pause(random() * startMs * 1.2);
    } else {
      startMs = performance.now() - beganMs;
      await untilThen(moment, { ...killing, calls, run });
    }
    await product.kill();
    calls.goOn();
    counts.set(moment, (counts.get(moment) ?? 0) + 1);
    if ((run + 1) % 10 === 0) killing.tell(`killed ${run + 1} times, ${killing.progress()} events in`);
  }
  return { product: await killing.start(true), counts };
}

async function untilThen(
  moment: Exclude<Moment, "starting">,
  { run, calls, progress, random, holdUpstream }: Killing & { readonly run: number; readonly calls: Calls },
): Promise<void> {
  const goal = progress() + 60 + Math.floor(random() * 200);
  const everyMs = moment === "deciding" ? 1 : 4;
  await until(`run ${run} makes progress`, () => progress() >= goal, { timeoutMs: 30_000, everyMs });
  if (moment === "acting") await calls.next();
  if (moment !== "taking in") return;
  await holdUpstream?.();
  await pause(random() * 30);
}

interface Calls {
  /** Resolves with the next call, which is not answered, nor is any later one until `goOn`. */
  next(): Promise<void>;
  goOn(): void;
}

function answerCalls({ target, failingOneIn }: Killing): Calls {
  let arrived: (() => void) | undefined;
  let failing = 0;
  target.answer(({ path }, response) => {
    if (arrived !== undefined) return void arrived();
    if (path === failingOneIn?.path && ++failing % failingOneIn.calls === 0) response.statusCode = 503;
    response.end();
  });
  return {
    next: () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
    goOn() {
      arrived = undefined;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
