import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { type CountingTarget, startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { type Sent, startSenders } from "./senders.ts";
import { shimUnavailable, startShim } from "./shim/shim.ts";

export const clockJumps: Scenario = {
  name: "clock-jumps",
  title: "the clock jumps by an hour",
  promise:
    "Under load the wall clock is set an hour ahead or back, 20 times: retries that were under way do not wait for the hour to come again, a rate limit lets at most one more allowance through for each jump, a calendar fires none of its ticks twice, and the times of the record are those of the clock. A debounce window that was open ends once the clock has come as far again.",
  unavailable: shimUnavailable,
  run: jump,
};

const hourMs = 3_600_000;
/** A small run has no time for the 900 ticks of an hour. */
const shortMs = 600_000;
const tickSeconds = 4;
const perSecond = 40;

async function jump(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget(numberOf);
  const port = await freePort();
  const limitedAtMs = answerCalls(target);
  await place.write("sources.yaml", `${webhooks(port, ["a"])}---\n${calendar}`);
  await place.write("sensors.yaml", sensors(target.url));
  using shim = await startShim({ folder: place.dataDir, control: join(cx.folder, "control") });
  const jumpMs = cx.scale < 0.5 ? shortMs : hourMs;
  const beganMs = Date.now();
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    env: shim.env,
    readyTimeoutMs: 60_000,
  });
  await using sent = startSenders({ port, path: "/a", senders: 2, pauseMs: 40 });
  const jumps = scaled(cx, 20);
  // ahead at first, until the calendar has seen it: once it was set back it looks every 30 s only
  await pause(500);
  let aheadJumps = 1;
  shim.clock(jumpMs);
  const leastTicks = jumpMs / 1_000 / tickSeconds;
  await until("the calendar has caught up", () => target.at("/tick").byNumber.size >= leastTicks, {
    timeoutMs: 120_000,
  });
  for (let jumped = 1; jumped < jumps; jumped++) {
    cx.signal.throwIfAborted();
    await pause(800 + cx.random() * 1_200);
    const forth = aheadJumps === 0 ? cx.random() < 0.5 : aheadJumps < 0;
    aheadJumps += forth ? 1 : -1;
    shim.clock(aheadJumps * jumpMs);
    if ((jumped + 1) % 5 === 0) cx.progress(`${jumped + 1} jumps, ${sent.acknowledged.size} events in`);
  }
  // windows of debounces that were open end with the next event at this or a later time
  shim.clock(jumpMs);
  await pause(1_000);
  await sent.stop();
  const audit = await drained(product, { timeoutMs: 45_000 });
  const code = await product.stop();
  if (code !== 0) throw new Error(`it ended with ${code} when it was stopped`);
  const recordFile = join(place.dataDir, "record.sqlite");
  const { ticks, odd } = lookUp(recordFile, {
    fromUs: (beganMs - hourMs) * 1_000,
    toUs: (Date.now() + hourMs) * 1_000,
  });
  if (odd.length > 0) throw new Error(`times that no clock showed: ${odd.join("; ")}`);
  const most = mostInASecond(limitedAtMs);
  if (most > 2 * perSecond) throw new Error(`${most} calls in a second, the limit is ${perSecond}`);
  const seconds = (Date.now() - beganMs) / 1_000;
  const mostTicks = (seconds + (2 * jumpMs) / 1_000) / tickSeconds + jumps + 1;
  if (ticks.acknowledged.size > mostTicks) throw new Error(`${ticks.acknowledged.size} ticks: some came twice`);
  return judge({
    claims: [
      ...["/all", "/retried", "/limited", "/calm"].map((path) => ({ path, sent })),
      { path: "/tick", sent: ticks },
    ],
    target,
    audit,
    recordFile,
    figures: [
      [`jumps by ${jumpMs / 60_000} minutes`, String(jumps)],
      ["ticks of the calendar", `${ticks.acknowledged.size}, each fired once; ${audit.receipts.duplicate} came again`],
      ["most calls in a second, with a limit of 40", String(most)],
    ],
  });
}

const calendar = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: clock }
spec:
  calendar:
    tick: { interval: ${tickSeconds}s }
`;

function sensors(url: string): string {
  // an hour's retries would be over their steps before the last jump: four tries, and the fourth succeeds
  const retry = "retryStrategy: { steps: 8, duration: 400ms, factor: 1.5, jitter: 0.2 }";
  const calm = "debounce: { window: 500ms, by: body.n }";
  const limit = `rateLimit: { unit: Second, requestsPerUnit: ${perSecond} }\n${retry}`;
  return [
    sensor({ name: "all", on: ["a"], url: `${url}/all` }),
    sensor({ name: "retried", on: ["a"], url: `${url}/retried`, trigger: retry }),
    sensor({ name: "limited", on: ["a"], url: `${url}/limited`, trigger: limit }),
    sensor({ name: "calm", on: ["a"], url: `${url}/calm`, trigger: calm }),
    `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: ticks }
spec:
  dependencies:
    - { name: tick, eventSourceName: clock, eventName: tick }
  triggers:
    - template:
        name: post
        http:
          url: ${url}/tick
          method: POST
          payload:
            - { src: { dependencyName: tick, contextKey: id }, dest: id }
`,
  ].join("---\n");
}

/** Every third number fails three times at `/retried`; answers when the calls of `/limited` came. */
function answerCalls(target: CountingTarget): readonly number[] {
  const tries = new Map<string, number>();
  const limitedAtMs: number[] = [];
  target.answer(({ path, key, body, atMs }, response) => {
    if (path === "/limited") limitedAtMs.push(atMs);
    const tried = (tries.get(key) ?? 0) + 1;
    tries.set(key, tried);
    if (path === "/retried" && numberOf(body) % 3 === 0 && tried < 4) response.statusCode = 503;
    response.end();
  });
  return limitedAtMs;
}

/** The sender's number; of a tick, one made of its event's id. */
function numberOf(body: unknown): number {
  if (typeof body !== "object" || body === null) return Number.NaN;
  if ("id" in body) return tickNumber(String(body.id));
  return Number(Object.values(body)[0]);
}

function tickNumber(eventId: string): number {
  return Number.parseInt(eventId.slice(0, 12), 16);
}

function lookUp(
  file: string,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): { readonly ticks: Sent; readonly odd: readonly string[] } {
  const record = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = record.prepare("SELECT id FROM event WHERE receipt = 'stored' AND source = 'clock'").all();
    const ids = rows.map(({ id }) => String(id));
    const times = {
      event: ["received_us", "stored_us", "decided_us"],
      firing: ["fired_us", "done_us"],
      attempt: ["started_us", "ended_us"],
    };
    const odd = Object.entries(times).flatMap(([table, columns]) =>
      columns.flatMap((column) => {
        const { n } = record
          .prepare(`SELECT count(*) AS n FROM ${table} WHERE ${column} < ? OR ${column} > ?`)
          .get(fromUs, toUs) as { readonly n: number };
        return n > 0 ? [`${n} in ${table}.${column}`] : [];
      }),
    );
    return { odd, ticks: sentOf(ids) };
  } finally {
    record.close();
  }
}

function sentOf(ids: readonly string[]): Sent {
  return {
    acknowledged: new Map(ids.map((id) => [tickNumber(id), id])),
    uncertain: new Set(),
    unanswered: () => 0,
    pushedBack: () => 0,
    unexpected: [],
  };
}

function mostInASecond(atMs: readonly number[]): number {
  let first = 0;
  let most = 0;
  for (const [last, time] of atMs.entries()) {
    while ((atMs[first] ?? time) < time - 1_000) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
