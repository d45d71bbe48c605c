import { TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { AttemptFact } from "../lib/facts.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { Manifests } from "../manifests/manifests.ts";
import { mainGroup } from "../runtime/enrol.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import { standardRun } from "../runtime/standard-run.ts";
import type { Decided } from "../sensors/decided.ts";
import type { Doubles } from "./doubles.ts";

export interface StageParts {
  readonly manifests: Manifests;
  readonly doubles: Doubles;
  readonly startMs: number;
  readonly decided: (event: Event, decided: Decided) => void;
  readonly attempted: (
    firing: { readonly id: string; readonly sensor: string; readonly trigger: string },
    fact: AttemptFact,
  ) => void;
}

/** The real runtime, in memory, with a clock that only the test moves; no source is started. */
export interface Stage extends AsyncDisposable {
  readonly clock: VirtualClock;
  /** Puts an event into the log of a bus, and lets everything run that can. */
  publish(bus: { readonly namespace: string; readonly bus: string }, event: Event): Promise<void>;
  /** Moves the clock on to a moment, waking everything on the way. */
  runTo(atMs: number): Promise<void>;
  /** Moves it on until no firing is live, at most to `atMs`. */
  runOut(atMs: number): Promise<void>;
}

export async function openStage(parts: StageParts): Promise<Stage> {
  const clock = new VirtualClock(parts.startMs);
  const { doubles } = parts;
  let steps = 0;
  const runtime = await standardRun({
    manifests: { ...parts.manifests, sources: [] },
    triggers: doubles.triggers,
    dataDir: undefined,
    recordUrl: "none",
    clock,
    // the middle of every jitter: the same at each run
    random: () => 0.5,
    drainTimeoutMs: 0,
    witness: {
      received: () => undefined,
      forBus: () => ({
        decided(entry, decided) {
          steps += 1;
          parts.decided(entry.event, decided);
        },
        attempted(firing, fact) {
          steps += 1;
          parts.attempted(firing, fact);
        },
      }),
    },
  });
  const quiet = quietOf(runtime, () => (doubles.busy() > 0 ? undefined : steps));
  const runTo = async (atMs: number): Promise<void> => {
    for (;;) {
      await quiet();
      const { nextMs } = clock;
      if (nextMs === undefined || nextMs > atMs) break;
      await clock.advance(Math.max(0, nextMs - clock.nowMs()));
    }
    await clock.advance(Math.max(0, atMs - clock.nowMs()));
    await quiet();
  };
  return {
    clock,
    async publish({ namespace, bus }, event) {
      const target = runtime.buses.find((one) => one.namespace === namespace && one.name === bus);
      const receivedUs = Math.round(clock.nowMs() * 1000);
      await target?.bus.publish({ events: [{ event, receivedUs, dedup: false }] }, new AbortController().signal);
      await quiet();
    },
    runTo,
    async runOut(atMs) {
      for (;;) {
        await quiet();
        const { nextMs } = clock;
        if (live(runtime).every((count) => count === 0) || nextMs === undefined || nextMs > atMs) return;
        await clock.advance(Math.max(0, nextMs - clock.nowMs()));
      }
    },
    async [Symbol.asyncDispose]() {
      // what sleeps on the fake clock while it stops must wake
      await Promise.all([runtime.stop(), clock.advance(60_000)]);
    },
  };
}

/** Turns of the event loop without a step, after which nothing is under way that could take one. */
const quietTurns = 12;
/** The bus may gather writes for 2 ms of real time once something moves. */
const gatheredMs = 6;
/** What takes longer than this at one moment of the fake clock will never end. */
const longestMs = 30_000;

/** Waits until nothing moves any more at this moment of the fake clock. `steps` undefined: something is under way. */
function quietOf(runtime: StandardRun, steps: () => number | undefined): () => Promise<void> {
  let atRest = "";
  return async () => {
    let seen = "";
    let since = performance.now();
    const startedMs = since;
    for (let still = 0; ; still += 1) {
      const taken = steps();
      const now = taken === undefined ? undefined : `${taken} ${await undecided(runtime)} ${live(runtime).join(" ")}`;
      if (now === undefined || now !== seen) {
        seen = now ?? "";
        still = 0;
        since = performance.now();
      }
      // most moments of a long wait move nothing
      const settled = seen === atRest || performance.now() - since >= gatheredMs;
      if (still >= quietTurns && settled && (await undecided(runtime)) === 0) break;
      if (performance.now() - startedMs > longestMs)
        throw new TideError("INTERNAL", `the runtime did not come to rest within ${longestMs / 1000} s`);
      await turn();
    }
    atRest = seen;
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function undecided({ buses }: StandardRun): Promise<number> {
  let entries = 0;
  for (const { bus } of buses) entries += (await bus.events(mainGroup).lag()).entries;
  return entries;
}

/** Firings that wait and that run, queue by queue. */
function live({ buses }: StandardRun): readonly number[] {
  return buses.flatMap(({ bus, queues }) =>
    queues().flatMap(({ queue }) => {
      const { pending, running } = bus.queue(queue).depth();
      return [pending, running];
    }),
  );
}
