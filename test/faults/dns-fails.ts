import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { codes } from "../../src/lib/codes/index.ts";
import type { DeadLetterAnswer } from "../../src/runtime/dead-letters.ts";
import type { Product } from "../product.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { retryAll } from "./dead-letters-bulk.ts";
import { type Resolved, startNames } from "./dns-names.ts";
import { scaled, startTidemill } from "./harness.ts";
import { sayTimes, timesOf } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";
import { shimUnavailable } from "./shim/shim.ts";

export const dnsFails: Scenario = {
  name: "dns",
  title: "names that cannot be resolved",
  promise:
    "Names that do not exist, whose server cannot be asked, or never answers: without a retryStrategy each firing gets 5 tries and is then a dead letter, one whose name comes back meanwhile is done without one, triggers with other names go on, and a retry brings all home when the names are back.",
  unavailable: shimUnavailable,
  run: unresolved,
};

const here: Resolved = "127.0.0.1";
const failing: Readonly<Record<string, Resolved>> = {
  "well.test": here,
  "none.test": "none",
  "again.test": "again",
  "later.test": "again",
  "hangs.test": "hangs",
};
/** Tries of what certainly did nothing, where the manifest says nothing (src/runtime/verdict.ts). */
const tries = 5;

interface Case {
  readonly name: string;
  readonly becomes: "dead" | "done";
  readonly attempts: number;
  readonly code: "TARGET_UNREACHABLE" | "TARGET_TIMEOUT";
}

const cases: readonly Case[] = [
  { name: "none", becomes: "dead", attempts: tries, code: "TARGET_UNREACHABLE" },
  { name: "again", becomes: "dead", attempts: tries, code: "TARGET_UNREACHABLE" },
  { name: "later", becomes: "done", attempts: tries, code: "TARGET_UNREACHABLE" },
  // two of them would hold all threads that look names up; a time-out may have come in the middle of a call: one try
  { name: "hangs", becomes: "dead", attempts: 1, code: "TARGET_TIMEOUT" },
];

async function unresolved(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const names = await startNames(join(cx.folder, "names"), failing);
  const port = await freePort();
  await place.write("web.yaml", webhooks(port, ["a", "b"]));
  await place.write("bad.yaml", sensorsOf(target.port, cx.scale === 1));
  await place.write("well.yaml", sensor({ name: "well", on: ["b"], url: `http://well.test:${target.port}/well` }));
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    env: { ...names.env, NO_PROXY: "*" },
    readyTimeoutMs: 60_000,
  });
  const took: number[] = [];
  await using well = startSenders({ port, path: "/b", senders: 2, pauseMs: 10, tookMs: (ms) => void took.push(ms) });
  await until("the well one is called", () => target.at("/well").byNumber.size > 50, { timeoutMs: 20_000 });
  const alone = timesOf(took.splice(0));

  const count = scaled(cx, 40, 3);
  await using sent = startSenders({ port, path: "/a", senders: 4, end: count });
  await until("all are told", () => sent.acknowledged.size === count);
  await names.set({ ...failing, "later.test": here });
  cx.progress("waiting for the last try");
  const dead = cases.filter(({ becomes }) => becomes === "dead");
  for (const { name } of dead) {
    const usedUp = async () => (await lettersOf(product, name)).length === count;
    await until(`${name} has used up its tries`, usedUp, { timeoutMs: 120_000, everyMs: 100 });
  }
  await until("the name that came back is called", () => target.at("/later").byNumber.size === count);
  const beside = timesOf(took.splice(0));
  await checkLetters(product);

  await names.set(Object.fromEntries(Object.keys(failing).map((name) => [name, here])));
  // the question that hangs is asked again by libc, and heard now
  await pause(1_000, undefined, { signal: cx.signal });
  const died = dead.length * count;
  await retryAll(product, { total: died, signal: cx.signal });
  await well.stop();
  const audit = await drained(product, { timeoutMs: 60_000 });
  if (audit.firings.dead > 0) throw new Error(`${audit.firings.dead} died again though their names were back`);
  if ((await product.stop()) !== 0) throw new Error("it did not end well");
  const sums = judge({
    claims: [{ path: "/well", sent: well }, ...cases.map(({ name }) => ({ path: `/${name}`, sent }))],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["dead letters, all of them retried and done", String(died)],
      ["senders of the well trigger, alone", sayTimes(alone)],
      ["senders of the well trigger, beside the others", sayTimes(beside)],
    ],
  });
  return { ...sums, dead: died };
}

/** The pauses of the usual 5 tries take 15 s: where that is too long, the same tries with short ones. */
function sensorsOf(port: number, usual: boolean): string {
  const quick = `circuitBreaker: false\nretryStrategy: { steps: ${tries}, duration: 100ms, factor: 1, jitter: 0 }`;
  const sensors = cases.map(({ name, attempts }) => {
    const trigger = usual || attempts === 1 ? {} : { trigger: quick };
    const made = sensor({ name, on: ["a"], url: `http://${name}.test:${port}/${name}`, ...trigger });
    return made.replace("method: POST", "method: POST\n          timeout: 1");
  });
  return sensors.join("---\n");
}

async function lettersOf(product: Product, name: string): Promise<readonly DeadLetterAnswer[]> {
  const path = `/deadletters?sensor=${name}&limit=1000`;
  return (await product.get<{ readonly items: readonly DeadLetterAnswer[] }>(path)).items;
}

async function checkLetters(product: Product): Promise<void> {
  const faults: string[] = [];
  for (const { name, becomes, attempts, code } of cases) {
    const letters = await lettersOf(product, name);
    if (becomes === "done" && letters.length > 0) faults.push(`${name}: dead, though its name came back`);
    const odd = letters.find((one) => one.attempts !== attempts || one.code !== codes[code].id);
    if (odd !== undefined) faults.push(`${name}: ${odd.attempts} attempts, ${odd.code} ${odd.error}`);
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
}
