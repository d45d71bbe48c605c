import { join } from "node:path";
import type { Status } from "../../src/runtime/status.ts";
import { freePort } from "../servers/server.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { killAgainAndAgain, type Moment } from "./kills-loop.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";

export const kills: Scenario = {
  name: "kills",
  title: "kill -9 at random points",
  promise:
    "Killed 110 times under webhooks while it starts, takes events in, decides and acts: nothing acknowledged is lost, a call that comes again has its first key, and the sums of `audit` fit.",
  run: (cx) => killed(cx, { kills: scaled(cx, 110, 8), bodyOf: (n) => JSON.stringify({ n, even: n % 2 === 0 }) }),
};

const filler = "x".repeat(4_000);

export const killsUnderRetention: Scenario = {
  name: "kills-retention",
  title: "kill -9 while retention runs",
  promise:
    "Killed 40 times with a bus of 1 MiB, which takes old events away all the time: what is still needed is never taken.",
  run: (cx) =>
    killed(cx, {
      kills: scaled(cx, 40, 4),
      maxBytes: "1Mi",
      bodyOf: (n) => JSON.stringify({ n, even: n % 2 === 0, filler }),
    }),
};

const moments: readonly Moment[] = ["taking in", "acting", "deciding", "starting"];

interface Kills {
  readonly kills: number;
  readonly bodyOf: (n: number) => string;
  /** Of the bus, in bytes. */
  readonly maxBytes?: string;
}

/** Four sensors: a filter, a condition of two, a target that fails now and then, one that keeps the order. */
async function killed(cx: FaultContext, how: Kills): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const port = await freePort();
  const retry = "retryStrategy: { steps: 50, duration: 20ms, factor: 1.2, jitter: 0.5 }";
  const even = `filters: { data: [{ path: body.even, type: bool, value: ["true"] }] }`;
  const args = how.maxBytes === undefined ? [] : ["--bus-max-bytes", how.maxBytes];
  const to = (path: string): string => `${target.url}${path}`;
  await place.write("web.yaml", webhooks(port, ["a", "b"]));
  await place.write(
    "sensors.yaml",
    [
      sensor({ name: "even", on: ["a"], filters: even, url: to("/even") }),
      sensor({ name: "both", on: ["a", "b"], conditions: "a && b", url: to("/both") }),
      sensor({ name: "flaky", on: ["a"], url: to("/flaky"), trigger: retry }),
      sensor({ name: "ordered", on: ["b"], url: to("/ordered"), trigger: `atLeastOnce: true\n${retry}` }),
    ].join("---\n"),
  );
  await using a = startSenders({ port, path: "/a", senders: 6, bodyOf: how.bodyOf });
  await using b = startSenders({ port, path: "/b", senders: 2, bodyOf: how.bodyOf });
  const { product: last, counts } = await killAgainAndAgain({
    ...{ kills: how.kills, moments, target, random: cx.random, signal: cx.signal, tell: cx.progress },
    start: (untilReady) => startTidemill(cx, { dataDir: place.dataDir, paths: [place.manifests], args, untilReady }),
    failingOneIn: { path: "/flaky", calls: 5 },
    progress: () => a.acknowledged.size + b.acknowledged.size,
  });
  await using product = last;
  await Promise.all([a.stop(), b.stop()]);
  const audit = await drained(product, { timeoutMs: 120_000 });
  const kept = (await product.get<Status>("/status")).buses[0];
  const takenAway = (kept?.firstSeq ?? 1) - 1;
  if (how.maxBytes !== undefined && takenAway === 0)
    throw new Error("retention took nothing away: the run proves nothing of it");
  const code = await product.stop();
  if (code !== 0) throw new Error(`it ended with ${code} when it was stopped`);
  // at least once, one at a time: a key that was followed by another does not come again
  const { turns } = target.at("/ordered");
  if (new Set(turns).size !== turns.length) throw new Error("/ordered: a firing came again behind a later one");
  return judge({
    claims: [
      { path: "/even", sent: a, passes: (n) => n % 2 === 0 },
      { path: "/flaky", sent: a },
      { path: "/ordered", sent: b },
    ],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["kills", [...counts].map(([moment, count]) => `${count} ${moment}`).join(", ")],
      ["events that retention took from the bus", String(takenAway)],
    ],
  });
}
