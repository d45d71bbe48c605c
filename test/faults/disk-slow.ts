import { runOnDisk } from "./disk-run.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { shimUnavailable } from "./shim/shim.ts";

export const diskSlow: Scenario = {
  name: "disk-slow",
  title: "each sync takes 200 ms",
  promise:
    "A disk on which each sync takes 200 ms, under 32 senders for 20 seconds: senders wait instead of being refused, many share a sync, nothing is acknowledged before its own, and nothing is lost.",
  unavailable: shimUnavailable,
  run: slowed,
};

const syncDelayMs = 200;
const senders = 32;

async function slowed(cx: FaultContext): Promise<Sums> {
  const sentAtMs = new Map<number, number>();
  const sending = (n: number): void => void (sentAtMs.has(n) || sentAtMs.set(n, performance.now()));
  await using run = await runOnDisk(cx, { senders, pauseMs: 0, bytes: 500, sending });
  const { shim, sent } = run;
  const forMs = Math.max(2_000, 20_000 * cx.scale);
  await run.takesIn(64);
  shim.disk({ syncDelayMs });
  // what is under way now may have its sync behind it
  await pause(3 * syncDelayMs);
  const first = Math.max(...sent.acknowledged.keys()) + senders;
  const before = { acknowledged: sent.acknowledged.size, syncs: shim.counted().syncs };
  const delaysMs = await delaysWhile({ sent: sent.acknowledged, sentAtMs, first, forMs });
  const taken = sent.acknowledged.size - before.acknowledged;
  const syncs = shim.counted().syncs - before.syncs;
  shim.disk({});
  const least = delaysMs[0] ?? 0;
  if (delaysMs.length === 0) throw new Error("nothing was taken in");
  // each event waits for a sync of its own at least; 20 ms are the clock's grain and the way back
  if (least < syncDelayMs - 20)
    throw new Error(`an event was acknowledged after ${least.toFixed(0)} ms, before any sync`);
  const at = (share: number): string => `${(delaysMs[Math.floor(share * (delaysMs.length - 1))] ?? 0).toFixed(0)} ms`;
  cx.progress(`${taken} events in ${forMs} ms`);
  return await run.finish([
    ["events per second", (taken / (forMs / 1_000)).toFixed(0)],
    ["acknowledged after", `p50 ${at(0.5)}, p99 ${at(0.99)}, least ${at(0)}`],
    ["events per sync", (taken / Math.max(1, syncs)).toFixed(1)],
  ]);
}

/** From the first sending of an event to its acknowledgement, sorted; of the numbers from `first` on. */
async function delaysWhile(parts: {
  readonly sent: ReadonlyMap<number, string>;
  readonly sentAtMs: ReadonlyMap<number, number>;
  readonly first: number;
  readonly forMs: number;
}): Promise<readonly number[]> {
  const { sent, sentAtMs, first, forMs } = parts;
  const endMs = performance.now() + forMs;
  const seen = new Set<number>();
  const delaysMs: number[] = [];
  while (performance.now() < endMs) {
    await pause(4);
    for (const n of sent.keys()) {
      if (n < first || seen.has(n)) continue;
      seen.add(n);
      delaysMs.push(performance.now() - (sentAtMs.get(n) ?? Number.NaN));
    }
  }
  return delaysMs.sort((a, b) => a - b);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
