import { until } from "../until.ts";
import { runOnDisk } from "./disk-run.ts";
import { scaled } from "./harness.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { shimUnavailable } from "./shim/shim.ts";

export const diskFull: Scenario = {
  name: "disk-full",
  title: "the disk is full for a minute",
  promise:
    "Under load the disk fills up, and stays full for a minute: with less than 64 MiB new events are answered with 503 while those taken in go on, at 0 bytes nothing is written; with room again all goes on by itself, and nothing acknowledged is lost.",
  unavailable: shimUnavailable,
  run: filled,
};

async function filled(cx: FaultContext): Promise<Sums> {
  await using run = await runOnDisk(cx, { senders: 4, pauseMs: 3, bytes: 2_000 });
  const { shim, sent, target } = run;
  const fullMs = Math.max(1_000, 60_000 * cx.scale);
  const mebibytes = (count: number): number => count * 2 ** 20;
  const some = scaled(cx, 100, 20);
  const few = scaled(cx, 20, 4);
  await run.takesIn(some);
  shim.disk({ fault: "full", roomBytes: mebibytes(100) });
  await run.takesIn(some);
  shim.disk({ fault: "full", roomBytes: mebibytes(30) });
  await run.refuses(few);
  const ready = await run.product().ready();
  if (ready.status !== 503 || !ready.body.includes("MiB free")) throw new Error(`readyz says ${ready.body}`);
  await until("what was taken in has gone on", () => sent.acknowledged.size <= target.at("/all").byNumber.size);
  // some answer with 500 from here on: their results and retries must be written, and cannot be
  let failing = true;
  target.answer((_, response) => {
    if (failing) response.statusCode = 500;
    response.end();
  });
  shim.disk({ fault: "full", roomBytes: mebibytes(100) });
  await run.takesIn(some);
  // another process takes the rest, at 400 MiB a second
  for (let room = 40; room >= 0; room -= 2) {
    shim.disk({ fault: "full", roomBytes: mebibytes(room) });
    await pause(5);
  }
  await run.refuses(few);
  failing = false;
  cx.progress(`full, ${sent.acknowledged.size} events in, ${sent.pushedBack()} pushed back`);
  const taken = sent.acknowledged.size;
  await pause(fullMs);
  await run.refuses(1);
  // a write that was under way when the room ended may be told a moment later
  if (sent.acknowledged.size > taken + 4) throw new Error(`${sent.acknowledged.size - taken} events without room`);
  shim.disk({});
  const freedMs = performance.now();
  await run.takesIn(1, 30_000);
  const backMs = performance.now() - freedMs;
  await run.takesIn(some);
  await until("readyz is green again", async () => (await run.product().ready()).status === 200);
  return await run.finish([
    ["full for", `${(fullMs / 1_000).toFixed(0)} s`],
    ["first event after it had room again", `${backMs.toFixed(0)} ms`],
    ["calls refused by the disk", String(shim.counted().refused)],
  ]);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
