import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Product } from "../product.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";
import { type Aftermath, afterPowerCut, readImage, writeImage } from "./shim/after-power-cut.ts";
import { shimUnavailable, startShim } from "./shim/shim.ts";
import type { Loss } from "./shim/unsynced-file.ts";

export const powerCuts: Scenario = {
  name: "power-cuts",
  title: "the power goes 60 times",
  promise:
    "Killed 60 times, and of what no sync had covered the disk keeps only what chance wants, page by page and torn in between: nothing acknowledged is lost, the bus opens without damage, the record is whole and catches up, and the sums of `audit` fit.",
  unavailable: shimUnavailable,
  run: cutAgainAndAgain,
};

async function cutAgainAndAgain(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const port = await freePort();
  const retry = "retryStrategy: { steps: 50, duration: 20ms, factor: 1.2, jitter: 0.5 }";
  const even = `filters: { data: [{ path: body.even, type: bool, value: ["true"] }] }`;
  await place.write("web.yaml", webhooks(port, ["a", "b"]));
  await place.write(
    "sensors.yaml",
    [
      sensor({ name: "even", on: ["a"], filters: even, url: `${target.url}/even` }),
      sensor({ name: "both", on: ["a", "b"], conditions: "a && b", url: `${target.url}/both` }),
      sensor({ name: "all", on: ["a"], url: `${target.url}/all`, trigger: retry }),
      sensor({ name: "ordered", on: ["b"], url: `${target.url}/ordered`, trigger: `atLeastOnce: true\n${retry}` }),
    ].join("---\n"),
  );
  await using a = startSenders({ port, path: "/a", senders: 3, pauseMs: 2 });
  await using b = startSenders({ port, path: "/b", senders: 1, pauseMs: 2 });
  const start = (untilReady: boolean, env: Readonly<Record<string, string>> = {}): Promise<Product> =>
    startTidemill(cx, { dataDir: place.dataDir, paths: [place.manifests], untilReady, env, readyTimeoutMs: 60_000 });
  const progress = (): number => a.acknowledged.size + b.acknowledged.size;
  const cuts = scaled(cx, 60);
  const taken: Aftermath[] = [];
  for (let run = 0; run < cuts; run++) {
    cx.signal.throwIfAborted();
    taken.push(await cutOnce(cx, { run, dataDir: place.dataDir, start, progress }));
    if ((run + 1) % 5 === 0) cx.progress(`the power went ${run + 1} times, ${progress()} events in`);
  }
  await using product = await start(true);
  await Promise.all([a.stop(), b.stop()]);
  const audit = await drained(product, { timeoutMs: 60_000 });
  const code = await product.stop();
  if (code !== 0) throw new Error(`it ended with ${code} when it was stopped`);
  const recordFile = join(place.dataDir, "record.sqlite");
  demandWhole(recordFile);
  const unsynced = taken.map((aftermath) => aftermath.unsynced);
  return judge({
    claims: [
      { path: "/even", sent: a, passes: (n) => n % 2 === 0 },
      { path: "/all", sent: a },
      { path: "/ordered", sent: b },
    ],
    target,
    audit,
    recordFile,
    figures: [
      ["power cuts", String(cuts)],
      ["of them with something unsynced", String(unsynced.filter((count) => count > 0).length)],
      ["writes that no sync had covered", String(unsynced.reduce((sum, count) => sum + count, 0))],
      ["files that had some", [...new Set(taken.flatMap(({ files }) => files))].sort().join(", ")],
    ],
  });
}

const losses: readonly Loss[] = ["contents", "some", "everything", "some"];

/** One run from its start to its end without power; every fifth ends while it starts. */
async function cutOnce(
  cx: FaultContext,
  parts: {
    readonly run: number;
    readonly dataDir: string;
    readonly start: (untilReady: boolean, env: Readonly<Record<string, string>>) => Promise<Product>;
    readonly progress: () => number;
  },
): Promise<Aftermath> {
  const { run, dataDir, progress } = parts;
  const journal = join(cx.folder, "journal");
  await rm(journal, { force: true });
  using shim = await startShim({ folder: dataDir, control: join(cx.folder, "control"), journal });
  // a sync that takes its time leaves more behind it when the power goes
  shim.disk({ syncDelayMs: cx.random() * 6 });
  const before = await readImage(dataDir);
  const early = run % 5 === 4;
  const product = await parts.start(!early, shim.env);
  if (early) await pause(300 + cx.random() * 1_000);
  else {
    const goal = progress() + 20 + Math.floor(cx.random() * 80);
    await until(`run ${run} makes progress`, () => progress() >= goal, { timeoutMs: 30_000, everyMs: 3 });
    await pause(cx.random() * 20);
  }
  await product.kill();
  const loss = losses[run % losses.length] ?? "some";
  const aftermath = afterPowerCut(before, await readFile(journal), { loss, random: cx.random });
  await writeImage(dataDir, aftermath.image);
  return aftermath;
}

function demandWhole(file: string): void {
  const record = new DatabaseSync(file, { readOnly: true });
  try {
    const answer = Object.values(record.prepare("PRAGMA integrity_check").get() ?? {})[0];
    if (answer !== "ok") throw new Error(`the record is damaged: ${String(answer)}`);
  } finally {
    record.close();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
