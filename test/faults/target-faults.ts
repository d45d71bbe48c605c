import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { codes } from "../../src/lib/codes/index.ts";
import type { DeadLetterAnswer, DeadLetterWithEvents } from "../../src/runtime/dead-letters.ts";
import type { Product } from "../product.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { retryAll } from "./dead-letters-bulk.ts";
import { scaled, startTidemill } from "./harness.ts";
import { sayMb, sayTimes, shippedArgs, type Times, timesOf, watchMemory } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";
import { type Hostile, makeCertificates, type Secured, startHostile } from "./target-hostile.ts";
import { type MisdeedCase, misdeeds } from "./target-misdeeds.ts";

const steps = 3;
const patient = `circuitBreaker: false\nretryStrategy: { steps: ${steps}, duration: 50ms, factor: 1, jitter: 0 }`;

export const targetFaults: Scenario = {
  name: "targets",
  title: "targets that hang, drip, reset, flood and redirect",
  promise: `${misdeeds.length} targets each do something else wrong: every firing is tried as its manifest says and becomes a dead letter that tells why, or is done where the target had said so; other triggers go on meanwhile; when the targets are well, a retry of all brings all of them home.`,
  run: mistreat,
};

/** A misdeed and the target that does it. */
interface Bad {
  readonly misdeed: MisdeedCase;
  readonly hostile: Hostile;
}

async function mistreat(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  await using stack = new AsyncDisposableStack();
  const secured = await makeCertificates();
  const bad = await startAll(stack, { behind: target.url, secured });
  const port = await freePort();
  await place.write("web.yaml", webhooks(port, ["a", "b"]));
  await place.write("bad.yaml", bad.map(sensorOf).join("---\n"));
  await place.write("well.yaml", sensor({ name: "well", on: ["b"], url: `${target.url}/well` }));
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    env: secretsOf(secured),
    nodeArgs: shippedArgs,
    readyTimeoutMs: 60_000,
  });
  using memory = watchMemory(product.pid);
  const took: number[] = [];
  await using well = startSenders({ port, path: "/b", senders: 4, pauseMs: 5, tookMs: (ms) => void took.push(ms) });
  const pace = paceOf(well, () => took.splice(0));
  pace();
  await pause(Math.max(1, 5 * cx.scale) * 1_000, undefined, { signal: cx.signal });
  const alone = pace();
  const before = memory.mostMb();

  const count = scaled(cx, 100, 6);
  await using mistreated = startSenders({ port, path: "/a", senders: 1, pauseMs: 200, end: count });
  await until("all are told", () => mistreated.acknowledged.size === count, { timeoutMs: 60_000 });
  const isOver = () => settled(product, { bad, count });
  await until("every firing has come to its end", isOver, { timeoutMs: 180_000, everyMs: 100 });
  const beside = pace();
  const most = memory.mostMb();
  const told = await lettersOf(product, { bad, count });
  await until("the tries are on record", () => checkPatience(product, bad).then(() => true));

  for (const { hostile } of bad) hostile.heal();
  const died = [...told.values()].reduce((sum, dead) => sum + dead, 0);
  cx.progress(`${died} dead letters are tried again`);
  await retryAll(product, { total: died, signal: cx.signal });
  await well.stop();
  const audit = await drained(product, { timeoutMs: 60_000 });
  if (audit.firings.dead > 0) throw new Error(`${audit.firings.dead} died again though their targets were well`);
  // a small run sees no more than a moment
  if (cx.scale === 1 && beside.perSecond < alone.perSecond / 8) {
    throw new Error(`the well trigger fell from ${alone.perSecond} to ${beside.perSecond} events/s`);
  }
  if (most - before > 150) throw new Error(`memory grew from ${before} to ${most} MB`);
  if ((await product.stop()) !== 0) throw new Error("it did not end well");
  const sums = judge({
    claims: [
      { path: "/well", sent: well },
      ...bad.map(({ misdeed }) => ({ path: `/${misdeed.name}`, sent: mistreated })),
    ],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["dead letters, all of them retried and done", died.toLocaleString("en-US")],
      ["of these", [...told].map(([name, dead]) => `${name} ${dead}`).join(", ")],
      ["a well target, alone", `${Math.round(alone.perSecond)} events/s, ${sayTimes(alone.times)}`],
      ["a well target, beside the bad ones", `${Math.round(beside.perSecond)} events/s, ${sayTimes(beside.times)}`],
      ["RssAnon", `${sayMb(before)} before, at most ${sayMb(most)}`],
    ],
  });
  return { ...sums, dead: died };
}

async function startAll(
  stack: AsyncDisposableStack,
  { behind, secured }: { readonly behind: string; readonly secured: Secured },
): Promise<readonly Bad[]> {
  const bad: Bad[] = [];
  for (const misdeed of misdeeds) {
    const certificate = misdeed.tls === true ? { certificate: secured } : {};
    const options = { behind, path: `/${misdeed.name}`, misdeed: misdeed.misdeed, ...certificate };
    bad.push({ misdeed, hostile: stack.use(await startHostile(options)) });
  }
  return bad;
}

function sensorOf({ misdeed, hostile }: Bad): string {
  const made = sensor({ name: misdeed.name, on: ["a"], url: hostile.url, trigger: patient });
  const more = misdeed.tls === true ? "\n          tls: { caCertSecret: { name: target, key: ca } }" : "";
  return made.replace("method: POST", `method: POST\n          timeout: ${misdeed.patienceSeconds ?? 30}${more}`);
}

function secretsOf({ trusted }: Secured): Readonly<Record<string, string>> {
  return { TIDEMILL_SECRET_TARGET__CA: trusted.cert };
}

/** Answers how fast the senders of the well trigger were since it was asked before. */
function paceOf(well: { readonly acknowledged: ReadonlyMap<number, unknown> }, took: () => readonly number[]) {
  let from = 0;
  let fromMs = performance.now();
  return (): { readonly perSecond: number; readonly times: Times } => {
    const [to, nowMs] = [well.acknowledged.size, performance.now()];
    const perSecond = ((to - from) * 1_000) / (nowMs - fromMs);
    [from, fromMs] = [to, nowMs];
    return { perSecond, times: timesOf(took()) };
  };
}

interface Sensors {
  readonly sensors: readonly {
    readonly sensor: string;
    readonly triggers: readonly { readonly pending: number; readonly running: number; readonly dead: number }[];
  }[];
}

async function settled(
  product: Product,
  { bad, count }: { readonly bad: readonly Bad[]; readonly count: number },
): Promise<boolean> {
  const { sensors } = await product.get<Sensors>("/status");
  return bad.every(({ misdeed, hostile }) => {
    const triggers = sensors.find(({ sensor: name }) => name === misdeed.name)?.triggers ?? [];
    const over = triggers.every(({ pending, running }) => pending + running === 0);
    // what is not decided yet is not pending either
    const decided = misdeed.becomes === "dead" ? triggers[0]?.dead === count : hostile.calls.size === count;
    return over && decided;
  });
}

/** How many of each died; throws where one died of something else, or not at all. */
async function lettersOf(
  product: Product,
  { bad, count }: { readonly bad: readonly Bad[]; readonly count: number },
): Promise<ReadonlyMap<string, number>> {
  const told = new Map<string, number>();
  const faults: string[] = [];
  for (const { misdeed } of bad) {
    const { name, becomes, code, reason = /./, attempts = steps } = misdeed;
    const { items } = await product.get<{ readonly items: readonly DeadLetterAnswer[] }>(
      `/deadletters?sensor=${name}&limit=10000`,
    );
    const expected = becomes === "dead" ? count : becomes === "done" ? 0 : items.length;
    if (items.length !== expected) faults.push(`${name}: ${items.length} dead letters, not ${expected}`);
    const id = code === undefined ? undefined : codes[code].id;
    for (const item of items) {
      if (item.attempts === attempts && item.code === id && reason.test(item.error)) continue;
      faults.push(`${name}: ${item.attempts} attempts, ${item.code} ${item.error}`);
      break;
    }
    if (items.length > 0) told.set(name, items.length);
  }
  if (faults.length > 0) throw new Error(`dead letters that should be others:\n${faults.join("\n")}`);
  return told;
}

/** A target that hangs gets its time in full, and no more calls than the manifest says. */
async function checkPatience(product: Product, bad: readonly Bad[]): Promise<void> {
  const hanging = bad.find(({ misdeed }) => misdeed.name === "hangs");
  const [key, calls] = hanging?.hostile.calls.entries().next().value ?? [];
  if (key === undefined || calls?.length !== steps) throw new Error(`${key} was called ${calls?.length} times`);
  const { tries = [] } = await product.get<DeadLetterWithEvents>(`/deadletters/${key}`);
  const tookMs = tries.map(({ startedAt, endedAt }) => Date.parse(endedAt) - Date.parse(startedAt));
  const patienceMs = (hanging?.misdeed.patienceSeconds ?? 0) * 1_000;
  if (tookMs.length === steps && tookMs.every((ms) => ms >= patienceMs - 5)) return;
  throw new Error(`${key} was tried for ${tookMs.join(", ")} ms`);
}
